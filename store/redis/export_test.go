package redis

import (
	"context"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// WaitingConns is how many calls wait for standbys at one time.
const WaitingConns = waitingConns

// What the tests look for in the log's findings.
var (
	ErrEvicts        = errEvicts
	ErrPolicyUnknown = errPolicyUnknown
)

// RecordKey returns where the record of a gateway is.
func RecordKey(prefix, id string) string { return newKeys(prefix).record(id) }

// IndexKey returns the index of the shard that a record is in.
func IndexKey(prefix, id string) string {
	k := newKeys(prefix)
	return k.open(k.shard(id))
}

// SetShards has a store that was not started use so many shards.
func SetShards(s *Store, n int) { s.keys.shards = n }

// Creation is a Create of which a test takes every step, in any order.
type Creation struct {
	store   *Store
	record  *store.Record
	in      indexes
	entered admissions
	made    error
}

// BeginCreate begins a Create.
func BeginCreate(s *Store, r *store.Record, b store.Bounds) *Creation {
	return &Creation{store: s, record: r, in: s.indexesOf(r.ID, s.sealer.Name(clientName, r.Client), b)}
}

// Keep keeps the record.
func (c *Creation) Keep(ctx context.Context) {
	data, err := store.Encode(c.record)
	if err != nil {
		panic(err)
	}
	c.made = c.store.create(ctx, c.record, data)
}

// Enter enters it in the index of its client.
func (c *Creation) Enter(ctx context.Context) {
	c.entered[0] = c.store.enterOne(ctx, c.in[0], c.record, state(c.record), evictions)
}

// EnterShard enters it in the index of its shard.
func (c *Creation) EnterShard(ctx context.Context) {
	c.entered[1] = c.store.enterOne(ctx, c.in[1], c.record, state(c.record), 0)
}

// End makes room for it.
func (c *Creation) End(ctx context.Context) error {
	_, err := c.store.admit(ctx, c.in, c.entered, c.made, c.record)
	return err
}
