package login

import (
	"container/heap"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// statusIdleLimit is the time after which a session that no client asks about leaves the queue.
const statusIdleLimit = 10 * time.Second

// readQueue decides which session is read next. Clients take turns, in the order in which one of their
// sessions became due. In its turn a client gets one read: of its session that was due first. So with n
// clients each gets a read every n/budget, however many sessions others have.
//
// A client is the one that started a session, not the one that asks about it. The starter never changes, and
// every session under another address costs a start there, which limits bound. Every step costs O(log n).
type readQueue struct {
	sessions map[string]*sessionRead
	clients  map[string]*readClient
	ready    []*readClient // with a session that is due, in the order of their turns
	waiting  timeHeap[*readClient]
}

// sessionRead is a session that a client asked about, or that was read a moment ago. Either it is in its
// client's heap or its read is under way. The lock of the poll guards all fields but id.
type sessionRead struct {
	id     string
	client *readClient
	span   trace.Span // of the first request since it was due
	due    time.Time
	asked  time.Time   // zero when no client asked since it was due
	read   *statusRead // under way; nil without one
	began  time.Time
	index  int
}

// readClient is a client with sessions in the queue.
type readClient struct {
	name     string
	due      timeHeap[*sessionRead] // its sessions without a read under way
	sessions int
	ready    bool
	index    int
}

func newReadQueue() readQueue {
	return readQueue{sessions: make(map[string]*sessionRead), clients: make(map[string]*readClient)}
}

// add adds a session that is due now.
func (q *readQueue) add(id, client string, now time.Time) *sessionRead {
	c := q.clients[client]
	if c == nil {
		c = &readClient{name: strings.Clone(client), index: -1}
		q.clients[c.name] = c
	}
	s := &sessionRead{id: strings.Clone(id), client: c, due: now}
	q.sessions[s.id] = s
	c.sessions++
	q.put(s, now)
	return s
}

// put queues a session whose read is not under way.
func (q *readQueue) put(s *sessionRead, now time.Time) {
	heap.Push(&s.client.due, s)
	if !s.client.ready {
		q.place(s.client, now)
	}
}

// place queues a client behind the ready ones, or among the waiting ones until its next session is due. It
// removes a client without sessions.
func (q *readQueue) place(c *readClient, now time.Time) {
	if c.index >= 0 {
		heap.Remove(&q.waiting, c.index)
	}
	switch {
	case c.sessions == 0:
		delete(q.clients, c.name)
	case len(c.due) == 0: // reads of all are under way
	case now.Before(c.due[0].due):
		heap.Push(&q.waiting, c)
	default:
		c.ready = true
		q.ready = append(q.ready, c)
	}
}

// next returns the session that may be read now, or nil. It removes due sessions that no client asked about
// for a while.
func (q *readQueue) next(now time.Time) *sessionRead {
	for len(q.waiting) > 0 && !now.Before(q.waiting[0].due[0].due) {
		q.place(q.waiting[0], now)
	}
	for len(q.ready) > 0 {
		c := q.ready[0]
		for len(c.due) > 0 && !now.Before(c.due[0].due) {
			if now.Sub(c.due[0].asked) < statusIdleLimit {
				return c.due[0]
			}
			q.forget(c.due[0])
		}
		q.pass(now)
	}
	return nil
}

func (q *readQueue) forget(s *sessionRead) {
	heap.Pop(&s.client.due)
	s.client.sessions--
	delete(q.sessions, s.id)
}

// take removes the session that next returned. Its client waits for its next turn.
func (q *readQueue) take(s *sessionRead, now time.Time) {
	heap.Pop(&s.client.due)
	q.pass(now)
}

// pass ends the turn of the first client.
func (q *readQueue) pass(now time.Time) {
	c := q.ready[0]
	q.ready[0] = nil
	q.ready = q.ready[1:]
	c.ready = false
	q.place(c, now)
}

// idle returns the time until a session is due, or zero when none waits. Call it after next returned nil.
func (q *readQueue) idle(now time.Time) time.Duration {
	if len(q.waiting) == 0 {
		return 0
	}
	return q.waiting[0].due[0].due.Sub(now)
}

func (s *sessionRead) at() time.Time { return s.due }
func (s *sessionRead) place() *int   { return &s.index }

func (c *readClient) at() time.Time { return c.due[0].due }
func (c *readClient) place() *int   { return &c.index }

// timeHeap is a heap.Interface in order of time.
type timeHeap[T interface {
	at() time.Time
	place() *int // its index in the heap, -1 outside
}] []T

func (h timeHeap[T]) Len() int           { return len(h) }
func (h timeHeap[T]) Less(i, j int) bool { return h[i].at().Before(h[j].at()) }

func (h timeHeap[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	*h[i].place(), *h[j].place() = i, j
}

// Push appends an element, as heap.Push asks.
func (h *timeHeap[T]) Push(x any) {
	element := x.(T)
	*element.place() = len(*h)
	*h = append(*h, element)
}

// Pop cuts off the last element, as heap.Pop asks.
func (h *timeHeap[T]) Pop() any {
	last := len(*h) - 1
	element := (*h)[last]
	*element.place() = -1
	clear((*h)[last:])
	*h = (*h)[:last]
	return element
}
