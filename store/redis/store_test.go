package redis_test

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
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

// forms are real Redis in every form, and how a store reaches it.
func forms() map[string]func(*testing.T) redis.Config {
	return map[string]func(*testing.T) redis.Config{
		"one server": func(t *testing.T) redis.Config { return config(redistest.Start(t).Address) },
		"Cluster": func(t *testing.T) redis.Config {
			c := config("")
			c.Addresses = redistest.StartCluster(t).Addresses()
			return c
		},
		"one node of a Cluster": func(t *testing.T) redis.Config { return config(redistest.StartCluster(t).Replicas[1].Address) },
		"Sentinel":              func(t *testing.T) redis.Config { return sentinelConfig(redistest.StartSentinel(t)) },
		"TLS": func(t *testing.T) redis.Config {
			s, authority := redistest.StartTLS(t)
			c := config(s.Address)
			c.TLS = authority.Config()
			return c
		},
		"Unix socket": func(t *testing.T) redis.Config { return config("unix://" + redistest.StartSocket(t).Socket) },
		"a URL": func(t *testing.T) redis.Config {
			s := redistest.Start(t)
			s.Do(t, "ACL", "SETUSER", "gateway", "on", ">p@ss/word", "~*", "&*", "+@all")
			return config("redis://gateway:p%40ss%2Fword@" + s.Address + "/3")
		},
	}
}

// sentinelConfig is how a store reaches the primary that Sentinels know.
func sentinelConfig(s *redistest.Sentinel) redis.Config {
	c := config("")
	c.Addresses = s.Addresses()
	c.Sentinel = &redis.Sentinel{Master: s.Master, Username: s.Username, Password: s.Password}
	return c
}

// TestServer runs the suite on real servers. A Cluster refuses a script that reaches for another slot.
func TestServer(t *testing.T) {
	t.Parallel()
	for name, form := range forms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runTimeless(t, form(t))
		})
	}
}

// runTimeless runs all in which no time passes, each on a prefix of its own.
func runTimeless(t *testing.T, reach redis.Config) {
	var stores atomic.Int64
	setup := func(t *testing.T, test func(*testing.T, storetest.Harness)) {
		c := reach
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

// TestNewerIsLeftAlone: a newer release stored a login and a family that need what this one does not
// know. What Redis holds of them stays, every call for them is refused, and the log says so once.
func TestNewerIsLeftAlone(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c, log := config(server.Address), newLogCapture()
	c.Logger = log.logger()
	st := open(t, c)
	r := storetest.NewRecord("newer", "192.0.2.1", time.Now())
	r.Needs = "later"
	if _, err := st.Create(t.Context(), r, bounds()); err != nil {
		t.Fatal(err)
	}
	f := family("newer")
	f.Needs = "later"
	if err := st.CreateFamily(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	before := dump(t, admin(t, server.Address))
	for range 3 {
		if _, err := st.Load(t.Context(), "newer"); !errors.Is(err, store.ErrNewer) || !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("loading the record: %v, want %v", err, store.ErrNewer)
		}
		if _, err := st.LoadFamily(t.Context(), "newer"); !errors.Is(err, store.ErrNewer) || !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("loading the family: %v, want %v", err, store.ErrNewer)
		}
	}
	after := dump(t, admin(t, server.Address))
	for key, held := range before {
		if after[key] != held {
			t.Errorf("%s changed", key)
		}
	}
	const line = "level=WARN msg=\"Redis holds logins that this release cannot handle"
	if n := strings.Count(log.String(), line); n != 1 || !strings.Contains(log.String(), `later`) {
		t.Errorf("%d lines, want 1:\n%s", n, log)
	}
}
