package redis_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
)

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
