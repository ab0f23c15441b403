package store

import (
	"strings"
	"sync"
)

// evictionsPerCreate bounds the records of each sort that one Create removes. One makes room; the second
// is for lowered bounds.
const evictionsPerCreate = 2

// quota counts records, in total and by client, and chooses the one to evict when a bound is reached.
// Every step costs O(log n), so that a flood does not slow it down.
//
// A goroutine that locks both locks the shard first, then the quota.
type quota struct {
	mu      sync.Mutex
	clients map[string]*client
	byLoad  queue[*client] // those with an unreturned record, the heaviest first
	over    queue[*entry]  // ended or expired, the earliest first
	open    int            // neither ended nor expired
	serial  uint64
}

// client has the open records of one client.
type client struct {
	name       string
	open       int
	unreturned queue[*entry] // the oldest first
	index      int
}

// before orders clients: the first loses a record when the store is full. Between equals the oldest record
// decides, so that a new client does not evict those of others.
func (c *client) before(other *client) bool {
	if c.open != other.open {
		return c.open > other.open
	}
	a, _ := c.unreturned.first()
	b, _ := other.unreturned.first()
	return a.serial < b.serial
}

func (c *client) place() *int { return &c.index }

// state is the state of an entry in the quota.
type state uint8

const (
	unreturned state = iota // in its client's queue
	returned                // counted, in no queue
	over                    // no longer counted, in the quota's queue
	gone                    // its record is removed, or about to be
)

// entry represents one record in the quota.
type entry struct {
	id     string
	client *client
	serial uint64
	index  int
	state  state
}

func (e *entry) before(other *entry) bool { return e.serial < other.serial }
func (e *entry) place() *int              { return &e.index }

// admission has the entry of a new record, and the entries of the records to remove for it.
type admission struct {
	entry     *entry
	evicted   []*entry // were open
	forgotten []*entry // were over
}

// admit adds a new record, or returns [ErrFull] and does not change the quota.
func (q *quota) admit(id, name string, b Bounds) (admission, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reserve(b)
	c := q.client(name)
	q.count(c, +1)
	evicted, ok := q.makeRoom(c, b)
	if !ok {
		q.count(c, -1)
		return admission{}, ErrFull
	}
	e := &entry{id: strings.Clone(id), client: c, serial: q.next()}
	c.unreturned.put(e)
	q.rank(c)
	return admission{entry: e, evicted: evicted, forgotten: q.trim(b)}, nil
}

// reserve allocates the final size of the queues. Growing step by step, a queue would copy some megabytes
// while all requests wait for the lock. Unused pages take no memory.
func (q *quota) reserve(b Bounds) {
	q.byLoad.reserve(b.Total + 1)
	q.over.reserve(2 * b.Total)
}

// makeRoom evicts until the bounds hold, with the new record counted. It is not ok without room and without
// a record to evict.
func (q *quota) makeRoom(c *client, b Bounds) (evicted []*entry, ok bool) {
	for range evictionsPerCreate {
		from := c
		switch {
		case c.open > b.PerClient:
		case q.open > b.Total:
			from, ok = q.byLoad.first()
			if !ok {
				return evicted, len(evicted) > 0
			}
		default:
			return evicted, true
		}
		oldest, ok := from.unreturned.first()
		if !ok {
			return evicted, len(evicted) > 0
		}
		q.leave(oldest, gone)
		evicted = append(evicted, oldest)
	}
	return evicted, true
}

// trim drops the records that were over first, while there are too many.
func (q *quota) trim(b Bounds) (forgotten []*entry) {
	for range evictionsPerCreate {
		e, ok := q.over.first()
		if !ok || q.over.len() <= b.Total {
			break
		}
		q.leave(e, gone)
		forgotten = append(forgotten, e)
	}
	return forgotten
}

// settle moves a record to a later state, and reports whether it still exists. A record never goes back:
// an expired one stays over when a client finishes it.
func (q *quota) settle(e *entry, to state) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.state == gone {
		return false
	}
	if to > e.state {
		q.leave(e, to)
	}
	return true
}

// leave moves an entry to a later state.
func (q *quota) leave(e *entry, to state) {
	c, from := e.client, e.state
	e.state = to
	switch from {
	case unreturned:
		c.unreturned.drop(e)
	case over:
		q.over.drop(e)
	}
	if from < over && to >= over {
		q.count(c, -1)
	} else {
		q.rank(c)
	}
	if to == over {
		e.serial = q.next()
		q.over.put(e)
	}
}

// count changes the number of a client's open records.
func (q *quota) count(c *client, by int) {
	c.open += by
	q.open += by
	q.rank(c)
	if c.open == 0 {
		delete(q.clients, c.name)
	}
}

// rank moves a client that changed to its place.
func (q *quota) rank(c *client) {
	if c.unreturned.len() > 0 {
		q.byLoad.put(c)
	} else {
		q.byLoad.drop(c)
	}
}

func (q *quota) client(name string) *client {
	c, ok := q.clients[name]
	if !ok {
		c = &client{name: strings.Clone(name)}
		q.clients[c.name] = c
	}
	return c
}

func (q *quota) next() uint64 {
	q.serial++
	return q.serial
}

// len returns the number of open records.
func (q *quota) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.open
}
