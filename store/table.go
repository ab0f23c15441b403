package store

import (
	"hash/maphash"
	"strings"
	"sync"

	gocache "github.com/patrickmn/go-cache"
)

const (
	// shardCount spreads the keys over independent locks.
	shardCount = 64
	// sweepBatch is the number of items that a sweep handles under one lock. That takes some
	// microseconds, whatever the size of the table.
	sweepBatch = 4
)

// table keeps values by key until each is due. The owner of the table passes sweep a function for items
// that are due.
type table[V any] struct {
	seed   maphash.Seed
	shards [shardCount]shard[V]
}

// shard is one part of a table with its lock. The caller holds the lock, except for sweep.
//
// The cache has no expiry: go-cache uses the wall clock instead of ours, and its clean-up visits every item
// under the lock, for 39 to 235 ms with a million of them. The queue finds the items that are due.
type shard[V any] struct {
	mu    sync.Mutex
	cache *gocache.Cache
	queue queue[*item[V]]
}

// item is one value of a table. Its shard's lock guards it.
type item[V any] struct {
	key   string
	value V
	due   int64 // Unix nanoseconds
	index int
}

func (e *item[V]) before(other *item[V]) bool { return e.due < other.due }
func (e *item[V]) place() *int                { return &e.index }

func newTable[V any]() *table[V] {
	t := &table[V]{seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].cache = gocache.New(gocache.NoExpiration, 0)
	}
	return t
}

// lock returns the shard of a key, locked. The caller unlocks it. The seed is random, so that an attacker cannot choose
// keys of one shard.
func (t *table[V]) lock(key string) *shard[V] {
	s := &t.shards[maphash.String(t.seed, key)%shardCount]
	s.mu.Lock()
	return s
}

// sweep calls lapse with every item that is due. Lapse must remove the item or move it to a later time.
// Sweep handles one batch of each shard in turn, so that requests get each lock in between. After each
// round it rests, so that requests get a processor. It ends early when rest returns false.
func (t *table[V]) sweep(now int64, lapse func(*shard[V], *item[V]), rest func() (goOn bool)) {
	for more := true; more; more = more && rest() {
		more = false
		for i := range t.shards {
			more = t.shards[i].sweep(now, lapse) || more
		}
	}
}

// sweep handles one batch and reports whether it was a full one.
func (s *shard[V]) sweep(now int64, lapse func(*shard[V], *item[V])) bool {
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

// find returns the item of a key, or nil.
func (s *shard[V]) find(key string) *item[V] {
	if e, ok := s.cache.Get(key); ok {
		return e.(*item[V])
	}
	return nil
}

// add adds a value under a new key.
func (s *shard[V]) add(key string, value V, due int64) {
	// A key is often part of a larger text, which it would keep in memory.
	e := &item[V]{key: strings.Clone(key), value: value, due: due}
	s.cache.Set(e.key, e, gocache.NoExpiration)
	s.queue.put(e)
}

// addWithin is add for a table of at most limit items. In a full shard, the items that are due first go.
func (s *shard[V]) addWithin(limit int, key string, value V, due int64) {
	for s.queue.len() >= max(1, limit/shardCount) {
		first, _ := s.queue.first()
		s.remove(first)
	}
	s.add(key, value, due)
}

// move changes when an item is due.
func (s *shard[V]) move(e *item[V], due int64) {
	e.due = due
	s.queue.put(e)
}

func (s *shard[V]) remove(e *item[V]) {
	s.cache.Delete(e.key)
	s.queue.drop(e)
}
