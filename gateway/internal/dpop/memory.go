package dpop

import (
	"container/heap"
	"crypto/sha256"
	"sync"
	"time"

	gocache "github.com/patrickmn/go-cache"
)

const (
	// MaxOfKey bounds the remembered proofs of one key. With one more the client must wait.
	MaxOfKey = 1_000
	// MaxRemembered bounds the remembered proofs of all keys together, in about 120 MB.
	MaxRemembered = 1 << 20
	// idSize is the length of the hash by which a proof is remembered, in bytes.
	idSize = 16
)

// Memory remembers the proofs that were used, until they could no longer pass. It forgets none before: at its bounds it
// refuses new ones. Make one with [NewMemory]. It is safe for concurrent use.
type Memory struct {
	mu sync.Mutex
	// used has no expiry: go-cache uses the wall clock instead of ours, and its clean-up visits every item.
	used *gocache.Cache
	due  queue
	keys map[string]*usedKey // by thumbprint; none is without proofs
	most int
}

// usedKey counts the remembered proofs of a key.
type usedKey struct {
	thumbprint string
	proofs     int
}

// NewMemory returns an empty memory.
func NewMemory() *Memory { return newMemory(MaxRemembered) }

func newMemory(most int) *Memory {
	return &Memory{used: gocache.New(gocache.NoExpiration, 0), keys: make(map[string]*usedKey), most: most}
}

// take remembers a proof until then. Of all calls for one proof, one succeeds. It returns ErrReplayed for the others,
// and ErrTooMany or ErrFull at a bound.
func (m *Memory) take(thumbprint, id string, now, until time.Time) error {
	sum := sha256.Sum256([]byte(thumbprint + "\x00" + id))
	proof := string(sum[:idSize])
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(now)
	if _, found := m.used.Get(proof); found {
		return ErrReplayed
	}
	key := m.keys[thumbprint]
	switch {
	case key != nil && key.proofs >= MaxOfKey:
		return ErrTooMany
	case len(m.due) >= m.most:
		return ErrFull
	case key == nil:
		key = &usedKey{thumbprint: thumbprint}
		m.keys[thumbprint] = key
	}
	m.used.SetDefault(proof, nil)
	key.proofs++
	heap.Push(&m.due, usedProof{until: until.UnixNano(), id: proof, key: key})
	return nil
}

// forget drops the proofs that can no longer pass.
func (m *Memory) forget(now time.Time) {
	for len(m.due) > 0 && m.due[0].until < now.UnixNano() {
		gone := heap.Pop(&m.due).(usedProof)
		m.used.Delete(gone.id)
		if gone.key.proofs--; gone.key.proofs == 0 {
			delete(m.keys, gone.key.thumbprint)
		}
	}
}

// usedProof is a remembered proof.
type usedProof struct {
	until int64 // Unix nanoseconds
	id    string
	key   *usedKey
}

// queue implements [heap.Interface]. The proof that is forgotten first is at its head.
type queue []usedProof

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].until < q[j].until }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(p any)        { *q = append(*q, p.(usedProof)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	(*q)[last] = usedProof{}
	*q = (*q)[:last]
	return p
}
