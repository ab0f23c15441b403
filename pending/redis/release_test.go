package redis_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/pending/pendingtest"
)

// TestNewerIsLeftAlone: a newer release stored a login and a family that need what this one does not
// know. What Redis holds of them stays, every call for them is refused, and the log says so once.
func TestNewerIsLeftAlone(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	c, log := config(server.address), newLogCapture()
	c.Logger = log.logger()
	store := open(t, c)
	r := pendingtest.NewRecord("newer", "192.0.2.1", time.Now())
	r.Needs = "later"
	if _, err := store.Create(t.Context(), r, bounds()); err != nil {
		t.Fatal(err)
	}
	f := family("newer")
	f.Needs = "later"
	if err := store.CreateFamily(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	before := dump(t, admin(t, server.address))
	for range 3 {
		if _, err := store.Load(t.Context(), "newer"); !errors.Is(err, pending.ErrNewer) || !errors.Is(err, pending.ErrUnavailable) {
			t.Errorf("loading the record: %v, want %v", err, pending.ErrNewer)
		}
		if _, err := store.LoadFamily(t.Context(), "newer"); !errors.Is(err, pending.ErrNewer) || !errors.Is(err, pending.ErrUnavailable) {
			t.Errorf("loading the family: %v, want %v", err, pending.ErrNewer)
		}
	}
	after := dump(t, admin(t, server.address))
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
