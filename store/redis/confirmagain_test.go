package redis_test

import (
	"errors"
	"regexp"
	"strconv"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// repeatable are the changes that find nothing left to change when a client or an operator asks for them again.
func repeatable(t *testing.T) map[string]func(*redis.Store) error {
	return map[string]func(*redis.Store) error{
		"the end of a login": func(s *redis.Store) error { return s.DeleteFamily(t.Context(), "family") },
		"a dropped key": func(s *redis.Store) error {
			return s.Documents().Update(t.Context(), keyring.DroppedDocument, func([]byte) ([]byte, error) { return []byte("a key"), nil })
		},
	}
}

// TestChangeIsConfirmedInAnotherProcess: a change was made, and no standby has it. It is asked for again: an app logs
// out at another replica, or an operator runs the command again. The primary has nothing left to change. The answer
// is good only once the standby has it.
func TestChangeIsConfirmedInAnotherProcess(t *testing.T) {
	t.Parallel()
	for name, change := range repeatable(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			primary, link := startSlowPair(t)
			st, other := open(t, brief(primary.Address)), open(t, brief(primary.Address))
			if err := st.CreateFamily(t.Context(), family("family")); err != nil {
				t.Fatal(err)
			}
			awaitAcknowledged(t, primary)
			link.Hold()
			for what, at := range map[string]*redis.Store{"one process": st, "another": other} {
				if err := change(at); !errors.Is(err, store.ErrUnconfirmed) {
					t.Errorf("%s: %v, want %v", what, err, store.ErrUnconfirmed)
				}
			}
			link.LetGo()
			awaitAcknowledged(t, primary)
			if err := change(other); err != nil {
				t.Errorf("after the standby had it: %v", err)
			}
		})
	}
}

// TestChangeAskedForAgainIsWritten: since Redis 7.2 WAIT counts what its own connection wrote, and waits for nothing
// where that is nothing. So a change that is asked for again is a write.
func TestChangeAskedForAgainIsWritten(t *testing.T) {
	t.Parallel()
	for name, change := range repeatable(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t)
			st := open(t, config(s.Address))
			if err := change(st); err != nil {
				t.Fatal(err)
			}
			before := writes(t, s)
			if err := change(st); err != nil || writes(t, s) == before {
				t.Errorf("%d writes before, and %d after, %v", before, writes(t, s), err)
			}
			if err := st.CreateFamily(t.Context(), family("family")); err != nil {
				t.Errorf("what is left of the family: %v", err)
			}
		})
	}
}

// writes returns how often a server changed its data.
func writes(t *testing.T, s *redistest.Server) int {
	t.Helper()
	found := regexp.MustCompile(`rdb_changes_since_last_save:(\d+)`).FindStringSubmatch(s.Text(t, "INFO", "persistence"))
	if found == nil {
		t.Fatal("the server does not count its writes")
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
