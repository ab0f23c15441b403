package pending

import (
	"strings"
	"sync"
)

// evictionsPerCreate bounds what one Create removes of each sort. One makes room;
// the second is for bounds that were lowered.
const evictionsPerCreate = 2

// ledger counts records, altogether and by client, and knows which goes when a
// bound is reached. Every step costs O(log n), whoever floods it.
//
// Its lock is taken inside that of a shard, never the other way round.
type ledger struct {
	mu      sync.Mutex
	clients map[string]*client
	byLoad  queue[*client] // those with an unreturned record, the heaviest first
	over    queue[*ticket] // ended or expired, the earliest first
	open    int            // neither ended nor expired
	serial  uint64
}

// client is one who holds records that are open.
type client struct {
	name       string
	open       int
	unreturned queue[*ticket] // the oldest first
	index      int
}

// before puts the client first whose record goes when all is full. Between equals
// the oldest record decides, so that a new one never pushes out its peers.
func (c *client) before(other *client) bool {
	if c.open != other.open {
		return c.open > other.open
	}
	a, _ := c.unreturned.first()
	b, _ := other.unreturned.first()
	return a.serial < b.serial
}

func (c *client) place() *int { return &c.index }

// standing is where in the ledger a ticket is.
type standing uint8

const (
	unreturned standing = iota // in its client's queue
	returned                   // counted, in no queue
	over                       // no longer counted, in the ledger's queue
	gone                       // its record is removed, or about to be
)

// ticket stands for one record in the ledger.
type ticket struct {
	id       string
	client   *client
	serial   uint64
	index    int
	standing standing
}

func (t *ticket) before(other *ticket) bool { return t.serial < other.serial }
func (t *ticket) place() *int               { return &t.index }

// admission is what becomes of a new record: its ticket, and the tickets of those
// that have to be removed for it.
type admission struct {
	ticket    *ticket
	evicted   []*ticket // were open
	forgotten []*ticket // were over
}

// admit enters a new record, or returns [ErrFull] and leaves the ledger as it was.
func (l *ledger) admit(id, name string, b Bounds) (admission, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reserve(b)
	c := l.client(name)
	l.count(c, +1)
	evicted, ok := l.makeRoom(c, b)
	if !ok {
		l.count(c, -1)
		return admission{}, ErrFull
	}
	t := &ticket{id: strings.Clone(id), client: c, serial: l.next()}
	c.unreturned.put(t)
	l.rank(c)
	return admission{ticket: t, evicted: evicted, forgotten: l.trim(b)}, nil
}

// reserve gives the queues the size they may reach: growing step by step, each
// would now and then copy some megabytes while everybody waits for the lock. Pages
// that were never used take no memory.
func (l *ledger) reserve(b Bounds) {
	l.byLoad.reserve(b.Total + 1)
	l.over.reserve(2 * b.Total)
}

// makeRoom evicts until the bounds hold with the new record counted in. It is not
// ok when there is no room and nothing may go.
func (l *ledger) makeRoom(c *client, b Bounds) (evicted []*ticket, ok bool) {
	for range evictionsPerCreate {
		from := c
		switch {
		case c.open > b.PerClient:
		case l.open > b.Total:
			from, ok = l.byLoad.first()
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
		l.leave(oldest, gone)
		evicted = append(evicted, oldest)
	}
	return evicted, true
}

// trim drops the earliest of those that are over while there are too many.
func (l *ledger) trim(b Bounds) (forgotten []*ticket) {
	for range evictionsPerCreate {
		t, ok := l.over.first()
		if !ok || l.over.len() <= b.Total {
			break
		}
		l.leave(t, gone)
		forgotten = append(forgotten, t)
	}
	return forgotten
}

// settle notes how far a record has come, and tells whether it is still there.
// A record never goes back: one that expired stays over when somebody finishes it.
func (l *ledger) settle(t *ticket, to standing) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.standing == gone {
		return false
	}
	if to > t.standing {
		l.leave(t, to)
	}
	return true
}

// leave takes a ticket from its standing to a later one.
func (l *ledger) leave(t *ticket, to standing) {
	c, from := t.client, t.standing
	t.standing = to
	switch from {
	case unreturned:
		c.unreturned.drop(t)
	case over:
		l.over.drop(t)
	}
	if from < over && to >= over {
		l.count(c, -1)
	} else {
		l.rank(c)
	}
	if to == over {
		t.serial = l.next()
		l.over.put(t)
	}
}

// count changes how many open records a client holds.
func (l *ledger) count(c *client, by int) {
	c.open += by
	l.open += by
	l.rank(c)
	if c.open == 0 {
		delete(l.clients, c.name)
	}
}

// rank puts a client that changed in its place.
func (l *ledger) rank(c *client) {
	if c.unreturned.len() > 0 {
		l.byLoad.put(c)
	} else {
		l.byLoad.drop(c)
	}
}

func (l *ledger) client(name string) *client {
	c, ok := l.clients[name]
	if !ok {
		c = &client{name: strings.Clone(name)}
		l.clients[c.name] = c
	}
	return c
}

func (l *ledger) next() uint64 {
	l.serial++
	return l.serial
}

// len returns how many records are open.
func (l *ledger) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}
