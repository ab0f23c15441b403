package gateway

import (
	"container/heap"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"
)

const (
	// statusEvery is how often one session is read at Signicat on behalf of waiting clients,
	// however many they are.
	statusEvery = 2 * time.Second
	// statusInterest is how long a session that nobody asks about any more keeps its place.
	statusInterest = 10 * time.Second
	// maxReads bounds the reads under way. Together with maxCancels they leave most of the
	// connections to Signicat to starts and finishes, however slow it is.
	maxReads = 64
)

// reads decides when which session is read at Signicat on behalf of waiting clients: the one
// that is due first, as soon as the budget allows. A session is due when somebody asks about it,
// and again when somebody asks statusEvery after it was read: so behind all that are due by then.
// With n of them each is read every n/budget, whoever asks how often.
//
// There is one timer, and a goroutine for each read under way. Its times are those of the real
// clock.
type reads struct {
	perform func(*sessionRead)   // reads a session and calls over, in another goroutine
	hold    func() time.Duration // for how long nothing may be read
	budget  *rate.Limiter
	most    int // sessions that are remembered

	mu       sync.Mutex
	closed   bool
	sessions map[string]*sessionRead
	due      dueReads
	underWay int
	timer    *time.Timer
}

// sessionRead is a session that was asked about, or was read a moment ago. It is in the queue or
// under way. The lock of its reads guards all but id.
type sessionRead struct {
	id    string
	span  trace.Span // of the request that asked first since it was due
	due   time.Time
	asked time.Time     // zero: by nobody since it was due
	done  chan struct{} // closed when the read that is under way is over; else nil
	began time.Time
}

func newReads(perform func(*sessionRead), hold func() time.Duration, budget *rate.Limiter, most int) *reads {
	r := &reads{perform: perform, hold: hold, budget: budget, most: most, sessions: make(map[string]*sessionRead)}
	r.timer = time.AfterFunc(time.Hour, r.wake)
	r.timer.Stop()
	return r
}

// ask notes that somebody wants to know how a session goes. It returns a channel that is closed
// when the read that is under way is over, nil when there is none.
func (r *reads) ask(id string, span trace.Span) (done <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	s := r.sessions[id]
	if s == nil {
		if r.closed || len(r.sessions) >= r.most {
			return nil
		}
		s = &sessionRead{id: strings.Clone(id), due: now}
		r.sessions[s.id] = s
		heap.Push(&r.due, s)
	}
	if !now.Before(s.due) {
		if s.asked.IsZero() {
			s.span = span
		}
		s.asked = now
	}
	r.start(now)
	return s.done
}

// over tells that a read is.
func (r *reads) over(s *sessionRead) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(s.done)
	s.done, s.asked, s.due = nil, time.Time{}, s.began.Add(statusEvery)
	r.underWay--
	heap.Push(&r.due, s)
	r.start(time.Now())
}

func (r *reads) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.start(time.Now())
}

// close reads nothing any more.
func (r *reads) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.timer.Stop()
}

// start begins the reads that may begin, and sets the timer for the next one. The end of a read
// is another occasion.
func (r *reads) start(now time.Time) {
	for r.next(now) && r.underWay < maxReads {
		s := r.due[0]
		wait := s.due.Sub(now)
		if wait <= 0 {
			wait = r.wait(now)
		}
		if wait > 0 {
			r.timer.Reset(min(wait, statusInterest))
			return
		}
		heap.Pop(&r.due)
		s.began, s.done = now, make(chan struct{})
		r.underWay++
		r.perform(s)
	}
}

// next forgets the sessions whose turn it is and about which nobody asks, and reports whether
// there is another one.
func (r *reads) next(now time.Time) bool {
	for !r.closed && len(r.due) > 0 {
		s := r.due[0]
		if now.Before(s.due) || now.Sub(s.asked) < statusInterest {
			return true
		}
		heap.Pop(&r.due)
		delete(r.sessions, s.id)
	}
	return false
}

// wait takes one read out of the budget, or tells for how long there is none.
func (r *reads) wait(now time.Time) time.Duration {
	if hold := r.hold(); hold > 0 {
		return hold
	}
	reserved := r.budget.ReserveN(now, 1)
	wait := reserved.DelayFrom(now)
	if wait > 0 {
		reserved.CancelAt(now)
	}
	return wait
}

// dueReads is a heap.Interface: the session that is due first is first.
type dueReads []*sessionRead

func (d dueReads) Len() int           { return len(d) }
func (d dueReads) Less(i, j int) bool { return d[i].due.Before(d[j].due) }

func (d dueReads) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
}

// Push appends a session, as heap.Push asks.
func (d *dueReads) Push(s any) {
	*d = append(*d, s.(*sessionRead))
}

// Pop cuts off the last session, as heap.Pop asks.
func (d *dueReads) Pop() any {
	last := len(*d) - 1
	s := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	return s
}
