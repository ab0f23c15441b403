package pending

import (
	"hash/maphash"
	"strings"
	"sync"

	gocache "github.com/patrickmn/go-cache"
)

const (
	// shardCount spreads the keys over independent locks.
	shardCount = 64
	// sweepBatch is how many entries a sweep handles under one lock, which takes
	// some microseconds, whatever the table holds.
	sweepBatch = 4
)

// table keeps values by key until each is due. What happens to an entry that is
// due is for the owner of the table to say, in sweep.
type table[V any] struct {
	seed   maphash.Seed
	shards [shardCount]shard[V]
}

// shard is one part of a table, and its lock, which the caller of every method
// but sweep holds.
//
// The cache is told no expiry. go-cache looks at the wall clock instead of ours,
// and its clean-up visits every entry under the lock: with a million of them for
// 39 to 235 ms. The queue finds those that are due without a visit to the rest.
type shard[V any] struct {
	mu    sync.Mutex
	cache *gocache.Cache
	queue queue[*entry[V]]
}

// entry is one value of a table. Its shard's lock guards it.
type entry[V any] struct {
	key   string
	value V
	due   int64 // Unix nanoseconds
	index int
}

func (e *entry[V]) before(other *entry[V]) bool { return e.due < other.due }
func (e *entry[V]) place() *int                 { return &e.index }

func newTable[V any]() *table[V] {
	t := &table[V]{seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].cache = gocache.New(gocache.NoExpiration, 0)
	}
	return t
}

// shard returns the part of the table that a key belongs to. The seed is random:
// nobody can choose keys that meet in one shard.
func (t *table[V]) shard(key string) *shard[V] {
	return &t.shards[maphash.String(t.seed, key)%shardCount]
}

// sweep hands every entry that is due to lapse, which must remove it or move it to
// a later time. It goes round the shards batch by batch, so that it never comes
// back to a lock that others wait for, and rests after each round, so that requests
// find a processor. It ends early when rest says so.
func (t *table[V]) sweep(now int64, lapse func(*shard[V], *entry[V]), rest func() (goOn bool)) {
	for more := true; more; more = more && rest() {
		more = false
		for i := range t.shards {
			more = t.shards[i].sweep(now, lapse) || more
		}
	}
}

// sweep handles one batch and tells whether it was a full one.
func (s *shard[V]) sweep(now int64, lapse func(*shard[V], *entry[V])) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range sweepBatch {
		e, ok := s.queue.first()
		if !ok || e.due > now {
			return false
		}
		lapse(s, e)
	}
	return true
}

// find returns the entry of a key, or nil.
func (s *shard[V]) find(key string) *entry[V] {
	if e, ok := s.cache.Get(key); ok {
		return e.(*entry[V])
	}
	return nil
}

// add keeps a value under a key that has none.
func (s *shard[V]) add(key string, value V, due int64) {
	// A key is often cut out of something larger, which it would keep alive.
	e := &entry[V]{key: strings.Clone(key), value: value, due: due}
	s.cache.Set(e.key, e, gocache.NoExpiration)
	s.queue.put(e)
}

// addWithin is add for a table of at most limit entries: when the key's shard has
// its part of them, those that are due first go.
func (s *shard[V]) addWithin(limit int, key string, value V, due int64) {
	for s.queue.len() >= max(1, limit/shardCount) {
		first, _ := s.queue.first()
		s.remove(first)
	}
	s.add(key, value, due)
}

// move changes when an entry is due.
func (s *shard[V]) move(e *entry[V], due int64) {
	e.due = due
	s.queue.put(e)
}

func (s *shard[V]) remove(e *entry[V]) {
	s.cache.Delete(e.key)
	s.queue.drop(e)
}
