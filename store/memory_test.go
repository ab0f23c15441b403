package store_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
)

// TestMemory runs the suite in testing/synctest, where time passes when all wait. It
// also fails the test if Close leaves the sweeper behind.
func TestMemory(t *testing.T) {
	t.Parallel()
	storetest.Run(t, inBubble)
}

func inBubble(t *testing.T, test func(*testing.T, storetest.Harness)) {
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemory(time.Now)
		defer closeStore(t, s)
		test(t, storetest.Harness{Store: s, Now: time.Now, Advance: pass})
	})
}

// pass lets time pass in testing/synctest, and the sweeper do its work.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func closeStore(t *testing.T, s store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
}
