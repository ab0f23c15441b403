package gateway

import (
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

// reads decides when a session is read at Signicat on behalf of waiting clients: as soon as the
// budget allows, and in the order of its [readQueue]. A session is due when a client asks about
// it, and again when a client asks statusEvery after it was read.
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
	queue    readQueue
	underWay int
	timer    *time.Timer
}

func newReads(perform func(*sessionRead), hold func() time.Duration, budget *rate.Limiter, most int) *reads {
	r := &reads{perform: perform, hold: hold, budget: budget, most: most, queue: newReadQueue()}
	r.timer = time.AfterFunc(time.Hour, r.wake)
	r.timer.Stop()
	return r
}

// ask notes that a client wants to know how a session goes, which client started. It returns a
// channel that is closed when the read that is under way is over, nil when there is none.
func (r *reads) ask(id, client string, span trace.Span) (done <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	s := r.queue.sessions[id]
	if s == nil {
		if r.closed || len(r.queue.sessions) >= r.most {
			return nil
		}
		s = r.queue.add(id, shareKey(client), now)
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

// over ends a read.
func (r *reads) over(s *sessionRead) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(s.done)
	s.done, s.asked, s.due = nil, time.Time{}, s.began.Add(statusEvery)
	r.underWay--
	now := time.Now()
	r.queue.put(s, now)
	r.start(now)
}

func (r *reads) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.start(time.Now())
}

// close ends the reading. Reads under way go on.
func (r *reads) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.timer.Stop()
}

// start begins the reads that may begin, and sets the timer for the next one. The end of a read
// is another occasion.
func (r *reads) start(now time.Time) {
	for !r.closed {
		s := r.queue.next(now)
		wait := r.queue.idle(now)
		switch {
		case s == nil && wait == 0:
			return
		case s != nil && r.underWay >= maxReads:
			return
		case s != nil:
			wait = r.wait(now)
		}
		if wait > 0 {
			r.timer.Reset(min(wait, statusInterest))
			return
		}
		r.queue.take(s, now)
		s.began, s.done = now, make(chan struct{})
		r.underWay++
		r.perform(s)
	}
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
