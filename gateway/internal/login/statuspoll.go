package login

import (
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"github.com/caddy-itsme/caddy-itsme/store"
)

const (
	// statusEvery is the least interval between reads of one session for waiting clients, however many there
	// are.
	statusEvery = 2 * time.Second
	// MaxReads bounds the reads under way. With MaxCancels it leaves most connections to Signicat to starts
	// and finishes, however slow Signicat is.
	MaxReads = 64
)

// statusPoll decides when a session is read at Signicat for waiting clients: as soon as the budget allows, in
// the order of its [readQueue]. A session is due when a client first asks about it, and again when a client
// asks statusEvery after the last read.
//
// There is one timer, and a goroutine for each read under way. It uses the real clock.
type statusPoll struct {
	perform     func(*sessionRead)   // reads a session in another goroutine, then calls over
	hold        func() time.Duration // returns how long no session may be read
	budget      *rate.Limiter
	maxSessions int // bounds the sessions in the queue

	mu       sync.Mutex
	closed   bool
	queue    readQueue
	underWay int
	timer    *time.Timer
}

func newStatusPoll(perform func(*sessionRead), hold func() time.Duration, budget *rate.Limiter, maxSessions int) *statusPoll {
	p := &statusPoll{perform: perform, hold: hold, budget: budget, maxSessions: maxSessions, queue: newReadQueue()}
	p.timer = time.AfterFunc(time.Hour, p.wake)
	p.timer.Stop()
	return p
}

// statusRead is a read under way.
type statusRead struct {
	over   chan struct{} // closed at its end
	record *store.Record // the session's record at its end, nil when it is not known; written before the end
}

// recordOr returns a copy of the session's record as the read left it. While the read is under way, or when it
// found none, it returns the record that is given.
func (r *statusRead) recordOr(known *store.Record) *store.Record {
	select {
	case <-r.over:
		if r.record != nil {
			found := *r.record // others wait for the same read
			return &found
		}
	default:
	}
	return known
}

// ask records that a client waits for a session that client started. It returns the read under way, or nil
// without one.
func (p *statusPoll) ask(id, client string, span trace.Span) *statusRead {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	s := p.queue.sessions[id]
	if s == nil {
		if p.closed || len(p.queue.sessions) >= p.maxSessions {
			return nil
		}
		s = p.queue.add(id, shareKey(client), now)
	}
	if !now.Before(s.due) {
		if s.asked.IsZero() {
			s.span = span
		}
		s.asked = now
	}
	p.start(now)
	return s.read
}

// over records the end of a read.
func (p *statusPoll) over(s *sessionRead) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(s.read.over)
	s.read, s.asked, s.due = nil, time.Time{}, s.began.Add(statusEvery)
	p.underWay--
	now := time.Now()
	p.queue.put(s, now)
	p.start(now)
}

func (p *statusPoll) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.start(time.Now())
}

// close stops new reads. Reads under way continue.
func (p *statusPoll) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.timer.Stop()
}

// start begins the reads that may begin now and sets the timer for the next one. The end of a read calls it
// again.
func (p *statusPoll) start(now time.Time) {
	for !p.closed {
		s := p.queue.next(now)
		wait := p.queue.idle(now)
		switch {
		case s == nil && wait == 0:
			return
		case s != nil && p.underWay >= MaxReads:
			return
		case s != nil:
			wait = p.wait(now)
		}
		if wait > 0 {
			p.timer.Reset(min(wait, statusIdleLimit))
			return
		}
		p.queue.take(s, now)
		s.began, s.read = now, &statusRead{over: make(chan struct{})}
		p.underWay++
		p.perform(s)
	}
}

// wait takes one read out of the budget. It returns how long to wait when the budget is empty or reads are on
// hold.
func (p *statusPoll) wait(now time.Time) time.Duration {
	if hold := p.hold(); hold > 0 {
		return hold
	}
	reserved := p.budget.ReserveN(now, 1)
	wait := reserved.DelayFrom(now)
	if wait > 0 {
		reserved.CancelAt(now)
	}
	return wait
}
