//go:build !race

// These replicas take turns in one goroutine. The race detector would find nothing in them, and takes six times
// as long. The Makefile runs this package once more without it.

package keyring

import (
	"context"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-itsme/caddy-itsme/keyring/keyringtest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestNothingThatHappensToTheStoreLosesOrRevivesAKey has the store and folders emptied and restored from backups,
// replicas killed and started with their folder or an empty one, and keys dropped, in any order. One
// replica at least stays alive. Two minutes after each event every replica verifies what any of them signed
// within the life of a token, none verifies with a dropped key, and all sign with the same one, which is no earlier
// one.
func TestNothingThatHappensToTheStoreLosesOrRevivesAKey(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := &chaos{t: t, now: now, signed: make(map[string]time.Time), dropped: make(map[string]bool), before: make(map[string]bool)}
		c.start(new(keyringtest.Memory))
		c.settle("the start")
		for range rapid.IntRange(1, 25).Draw(t, "events") {
			c.settle(c.happen())
		}
	})
}

// chaos is a world in which stores are lost.
type chaos struct {
	t        *rapid.T
	now      time.Time
	store    keyringtest.Memory
	replicas []*survivor
	folders  []*keyringtest.Memory
	backups  []backup
	signed   map[string]time.Time // when each key last signed
	dropped  map[string]bool
	signs    string          // the key that signs at every replica
	before   map[string]bool // keys that signed before it
}

// survivor is a replica that is alive.
type survivor struct {
	manager *Manager
	inForce token.Keys
	folder  *keyringtest.Memory
}

// start starts a replica with that folder.
func (c *chaos) start(folder *keyringtest.Memory) {
	keys := replicaOf(&c.store, folder)
	keys.Now, keys.Rotation = func() time.Time { return c.now }, halfDaily
	r := &survivor{folder: folder}
	r.manager = manage(keys, &r.inForce)
	if err := r.manager.Start(context.Background()); err != nil {
		c.t.Fatal(err)
	}
	c.replicas = append(c.replicas, r)
	if !slices.Contains(c.folders, folder) {
		c.folders = append(c.folders, folder)
	}
}

// happen lets one thing happen, and names it.
func (c *chaos) happen() string {
	documents := []string{KeysDocument, DroppedDocument, KnownDocument}
	one := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(c.t, label) }
	switch event := rapid.SampledFrom([]string{
		"time passes", "the store is emptied", "the store is restored", "its keys are taken away", "a folder is emptied",
		"a folder is restored", "a replica is killed", "a new replica comes first", "a replica starts", "a key is dropped", "keys are rotated",
	}).Draw(c.t, "event"); event {
	case "time passes":
		c.pass(time.Duration(one("minutes", 24*60)) * time.Minute)
		return event
	case "the store is emptied":
		c.store.Clear()
		return event
	case "the store is restored":
		if len(c.backups) > 0 {
			c.backups[one("backup", len(c.backups))].restore(&c.store, documents...)
		}
		return event
	case "its keys are taken away":
		c.store.Put(KeysDocument, nil)
		return event
	case "a folder is emptied":
		c.folders[one("folder", len(c.folders))].Clear()
		return event
	case "a folder is restored":
		if len(c.backups) > 0 {
			c.backups[one("backup", len(c.backups))].restore(c.folders[one("folder", len(c.folders))], KeysDocument, DroppedDocument)
		}
		return event
	case "a replica is killed":
		if len(c.replicas) > 1 {
			i := one("replica", len(c.replicas))
			c.replicas = slices.Delete(c.replicas, i, i+1)
		}
		return event
	case "a new replica comes first":
		c.store.Clear()
		c.start(new(keyringtest.Memory))
		return event
	case "a replica starts":
		c.start(c.folders[one("folder", len(c.folders))])
		return event
	case "a key is dropped":
		c.drop(c.replicas[one("replica", len(c.replicas))])
		return event
	default:
		_, _ = c.replicas[one("replica", len(c.replicas))].manager.Rotate(context.Background()) // refused when it is often
		return event
	}
}

// drop drops the key that signs at a replica.
func (c *chaos) drop(r *survivor) {
	kid := r.inForce.KeySet().Current().ID()
	if _, err := r.manager.Drop(context.Background(), []string{kid}); err != nil {
		c.t.Fatalf("dropping: %v", err)
	}
	c.dropped[kid] = true
}

// pass lets time go by, in which replicas read the keys as often as they do.
func (c *chaos) pass(long time.Duration) {
	for end := c.now.Add(long); c.now.Before(end); {
		c.now = c.now.Add(min(keyLag, end.Sub(c.now)))
		c.refresh()
	}
}

func (c *chaos) refresh() {
	for _, r := range c.replicas {
		c.note(r)
		r.manager.refreshOnce(context.Background())
		c.note(r)
	}
}

// note has a replica sign.
func (c *chaos) note(r *survivor) {
	if set := r.inForce.KeySet(); set != nil {
		c.signed[set.Current().ID()] = c.now
	}
}

// settle gives every replica two more looks, and then judges.
func (c *chaos) settle(after string) {
	c.pass(2 * interval)
	c.now = c.now.Add(interval)
	c.refresh()
	for i, r := range c.replicas {
		set := r.inForce.KeySet()
		if set == nil {
			c.t.Fatalf("after %s: replica %d has no keys", after, i)
		}
		if kid := set.Current().ID(); kid != c.replicas[0].inForce.KeySet().Current().ID() {
			c.t.Errorf("after %s: replica %d signs with %s, and replica 0 with another", after, i, kid)
		}
		for kid := range c.dropped {
			if set.Has(kid) {
				c.t.Errorf("after %s: replica %d verifies with %s, which was dropped", after, i, kid)
			}
		}
		for kid, at := range c.signed {
			if c.now.Before(at.Add(halfDaily.Longest)) && !c.dropped[kid] && !set.Has(kid) {
				c.t.Errorf("after %s: replica %d does not verify with %s, which signed %v ago", after, i, kid, c.now.Sub(at))
			}
		}
	}
	if kid := c.replicas[0].inForce.KeySet().Current().ID(); kid != c.signs {
		if c.before[kid] {
			c.t.Errorf("after %s: %s signs again", after, kid)
		}
		c.before[c.signs], c.signs = true, kid
	}
	c.backups = append(c.backups, backUp(&c.store))
}
