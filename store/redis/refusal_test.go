package redis_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// What the store logs about writes.
const (
	refuses = "Redis refuses writes"
	takes   = "Redis takes writes again"
)

// illness makes a server refuse for one cause, and heals it.
type illness struct {
	start       func(testing.TB) *redistest.Server
	begin, heal func(testing.TB, *redistest.Server)
	reads       bool // whether requests with tokens go on
}

func set(words ...string) func(testing.TB, *redistest.Server) {
	return func(t testing.TB, s *redistest.Server) { s.Do(t, append([]string{"CONFIG", "SET"}, words...)...) }
}

func illnesses() map[redis.Cause]illness {
	plain := func(t testing.TB) *redistest.Server { return redistest.Start(t) }
	return map[redis.Cause]illness{
		redis.CauseMemory:   {plain, set("maxmemory", "1"), set("maxmemory", "0"), true},
		redis.CauseReplicas: {plain, set("min-replicas-to-write", "1"), set("min-replicas-to-write", "0"), true},
		redis.CauseReadOnly: {
			plain,
			func(t testing.TB, s *redistest.Server) { s.Do(t, "REPLICAOF", "127.0.0.1", "1") },
			func(t testing.TB, s *redistest.Server) { s.Promote(t) }, false,
		},
		redis.CauseDisk:    {plain, breakDisk, mendDisk, true},
		redis.CauseLoading: {slowLoader, load, set("key-load-delay", "0"), false},
		redis.CauseClusterDown: {
			func(t testing.TB) *redistest.Server { return redistest.StartNode(t) },
			func(t testing.TB, s *redistest.Server) { s.Do(t, "CLUSTER", "DELSLOTS", "0") },
			func(t testing.TB, s *redistest.Server) { s.Do(t, "CLUSTER", "ADDSLOTS", "0") }, false,
		},
	}
}

// breakDisk puts a directory where the snapshot goes.
func breakDisk(t testing.TB, s *redistest.Server) {
	if err := os.MkdirAll(filepath.Join(s.Dir(), "dump.rdb", "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.Do(t, "CONFIG", "SET", "save", "3600 1")
	s.Do(t, "BGSAVE")
	awaitPersistence(t, s, "rdb_last_bgsave_status:err")
}

func mendDisk(t testing.TB, s *redistest.Server) {
	if err := os.RemoveAll(filepath.Join(s.Dir(), "dump.rdb")); err != nil {
		t.Fatal(err)
	}
	s.Do(t, "BGSAVE")
	awaitPersistence(t, s, "rdb_last_bgsave_status:ok")
}

func awaitPersistence(t testing.TB, s *redistest.Server, line string) {
	t.Helper()
	redistest.Until(t, line, func() bool { return strings.Contains(s.Text(t, "INFO", "persistence"), line) })
}

// slowLoader starts a server that takes its time to load.
func slowLoader(t testing.TB) *redistest.Server {
	return redistest.Start(t, "--enable-debug-command", "yes", "--key-load-delay", "0", "--loading-process-events-interval-bytes", "1024")
}

// load has the server load its data again, until its key-load-delay is 0.
func load(t testing.TB, s *redistest.Server) {
	for i := range 1000 {
		s.Do(t, "SET", fmt.Sprint("other:", i), strings.Repeat("x", 100))
	}
	s.Do(t, "CONFIG", "SET", "key-load-delay", "100000")
	loader := s.NewClient(t)
	go loader.Do(t.Context(), loader.B().Arbitrary("DEBUG", "RELOAD").Build())
	awaitPersistence(t, s, "loading:1")
}

// TestEveryRefusalIsShown makes a real server refuse, for every cause there is. The gateway shows it
// without a single login, goes on by itself, and checks tokens meanwhile where the server's answers can
// be relied on.
func TestEveryRefusalIsShown(t *testing.T) {
	t.Parallel()
	all := illnesses()
	for _, cause := range redis.Causes() {
		t.Run(string(cause), func(t *testing.T) {
			t.Parallel()
			ill, found := all[cause]
			if !found {
				t.Fatal("no server refuses for this cause")
			}
			s := ill.start(t)
			log := newLogCapture()
			c := config(s.Address)
			c.Logger = log.logger()
			st := open(t, c)
			create(t, st, "before")
			if !st.Writable() {
				t.Error("a server that takes writes is not writable")
			}

			ill.begin(t, s)
			log.await(t, refuses)
			log.await(t, "cause="+string(cause))
			if st.Writable() || st.Refusals()[cause] == 0 {
				t.Errorf("Writable is %t, Refusals %v", st.Writable(), st.Refusals())
			}
			wantRefused(t, st, cause, ill.reads)

			ill.heal(t, s)
			log.await(t, takes)
			redistest.Until(t, "logins start again", func() bool {
				_, err := st.Remember(t.Context(), "key", "value", 1<<40)
				return err == nil
			})
			if !st.Writable() {
				t.Error("the server takes writes again, and is not writable")
			}
			if n := strings.Count(log.String(), refuses); n != 1 {
				t.Errorf("%d warnings for one change:\n%s", n, log)
			}
		})
	}
}

// TestProbeCountsACauseOnce has a Cluster without memory that is asked whether it takes writes. The question is a command
// for each shard, and operators read the counter as commands of clients.
func TestProbeCountsACauseOnce(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	st := open(t, config(cluster.Addresses()[0]))
	for _, node := range cluster.Nodes() {
		node.Do(t, "CONFIG", "SET", "maxmemory", "1")
	}
	const most = 20 // the store asks by itself as well
	before := st.Refusals()[redis.CauseMemory]
	if err := st.CheckWrites(t.Context()); err == nil {
		t.Fatal("a Cluster without memory takes writes")
	}
	if counted := st.Refusals()[redis.CauseMemory] - before; counted == 0 || counted > most {
		t.Errorf("one question counts %d refusals", counted)
	}
}

// wantRefused looks at what requests get meanwhile.
func wantRefused(t *testing.T, st *redis.Store, cause redis.Cause, reads bool) {
	t.Helper()
	redistest.Until(t, "a login is refused for the cause", func() bool {
		_, err := st.Remember(t.Context(), "key of "+string(cause), "value", 1<<40)
		got, ok := redis.CauseOf(err)
		return errors.Is(err, store.ErrUnavailable) && ok && got == cause
	})
	check := func() error {
		_, err := st.Revoked(t.Context(), store.Credential{Login: "login"})
		return err
	}
	if reads {
		_, failed := st.Len(t.Context())
		if err := errors.Join(check(), failed); err != nil {
			t.Errorf("what only reads: %v", err)
		}
		return
	}
	redistest.Until(t, "tokens are refused", func() bool { return errors.Is(check(), store.ErrUnavailable) })
}

// TestDemotedServerIsLeft: after a failover by name or virtual IP the connection to the old primary stays
// open. The gateway leaves it, and finds the new primary at the same address.
func TestDemotedServerIsLeft(t *testing.T) {
	t.Parallel()
	first, second := redistest.StartPair(t)
	name := redistest.NewLine(t, first.Address)
	st := open(t, config(name.Address))
	create(t, st, "a")
	first.AwaitReplica(t)

	second.Promote(t)
	first.Demote(t, second)
	redistest.Until(t, "the demoted server refuses", func() bool { return !st.Writable() })
	name.Move(second.Address)
	redistest.Until(t, "a login starts at the new primary", func() bool {
		_, err := st.Remember(t.Context(), "key", "value", 1<<40)
		return err == nil
	})
	if _, err := st.Load(t.Context(), "a"); err != nil {
		t.Errorf("a login that was under way: %v", err)
	}
}

// TestReplicaClearsNoToken: a demoted server that has lost its link answers reads for ever, and knows of
// no revocation since. A thief's token would be good for as long as it answers.
func TestReplicaClearsNoToken(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	st := open(t, config(s.Address))
	wantRevoked(t, st, "stolen", false)
	s.Do(t, "REPLICAOF", "127.0.0.1", "1")
	refused := func() bool {
		revoked, err := st.Revoked(t.Context(), store.Credential{Login: "stolen"})
		return !revoked && errors.Is(err, store.ErrUnavailable)
	}
	redistest.Until(t, "the token is refused", refused)
	for range 5 {
		before := st.Refusals()[redis.CauseReadOnly]
		redistest.Until(t, "the role is asked again", func() bool { return st.Refusals()[redis.CauseReadOnly] > before })
		if !refused() {
			t.Fatal("a replica clears a token")
		}
	}
}
