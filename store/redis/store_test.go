package redis_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
)

// TestMiniredis runs the suite on a server whose clock the tests move.
func TestMiniredis(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T, test func(*testing.T, storetest.Harness)) {
		server := miniredis.RunT(t)
		clock := newClock(server)
		c := config(server.Addr())
		c.Now = clock.Now
		test(t, storetest.Harness{Store: openWhole(t, c), Replica: openWhole(t, c), Now: clock.Now, Advance: clock.advance, Approximate: true})
	}
	storetest.Run(t, setup)
	storetest.RunShared(t, setup)
}

// TestServer runs the suite on a real server.
func TestServer(t *testing.T) {
	t.Parallel()
	runTimeless(t, redistest.Start(t).Address)
}

// TestCluster runs the suite on a real Cluster, which refuses a script that reaches
// for another slot.
func TestCluster(t *testing.T) {
	t.Parallel()
	runTimeless(t, redistest.StartNode(t).Address)
}

// runTimeless runs all in which no time passes, each on a prefix of its own.
func runTimeless(t *testing.T, address string) {
	var stores atomic.Int64
	setup := func(t *testing.T, test func(*testing.T, storetest.Harness)) {
		c := config(address)
		c.Prefix = "itsme:" + strconv.FormatInt(stores.Add(1), 10)
		test(t, storetest.Harness{Store: openWhole(t, c), Replica: openWhole(t, c), Now: time.Now, Approximate: true})
	}
	storetest.RunTimeless(t, setup)
	storetest.RunShared(t, setup)
}

// openWhole opens a store that counts all records in one shard: the suite knows to a record how many
// there may be.
func openWhole(t *testing.T, c redis.Config) *redis.Store {
	s := open(t, c)
	redis.SetShards(s, 1)
	return s
}

// clock stands still until it is moved.
type clock struct {
	server *miniredis.Miniredis
	mu     sync.Mutex
	now    time.Time
}

func newClock(server *miniredis.Miniredis) *clock {
	c := &clock{server: server, now: time.Date(2026, 3, 19, 8, 0, 0, 0, time.UTC)}
	server.SetTime(c.now)
	return c
}

// Now returns the time.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.server.SetTime(c.now)
	c.server.FastForward(d)
}
