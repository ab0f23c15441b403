package flow_test

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestReadinessTellsTheTruth: what is ready can serve. Without Signicat it still serves whoever is logged in, and
// another replica could do no better.
func TestReadinessTellsTheTruth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := keystest.New(t, token.DefaultAlgorithm)
		set := keys.KeySet()
		keys.Set(nil)
		b := openBubble(t, func(c *gateway.Config, _ *signicattest.Config) { c.Keys = keys })
		want := func(when string, want int) {
			t.Helper()
			got := b.get(logintest.Path+"/health/ready", "")
			if got.Code != want || (want != http.StatusOK) != (got.Header().Get("Retry-After") != "") || got.Body.Len() != 0 {
				t.Errorf("%s: %s %q", when, got.outcome(), got.Body)
			}
			if live := b.get(logintest.Path+"/health/live", ""); live.Code != http.StatusOK {
				t.Errorf("%s: not even alive: %s", when, live.outcome())
			}
		}
		want("before there are keys", http.StatusServiceUnavailable)
		keys.Set(set)
		want("with keys", http.StatusOK)
		b.breakOpen(t)
		b.away(t)
		want("without Signicat", http.StatusOK)
		if err := b.Config.Store.Close(); err != nil {
			t.Fatal(err)
		}
		want("without the store", http.StatusServiceUnavailable)
	})
}

// TestReadinessNamesTheInstance: a gateway that replaces another one in the same process has its name, and one of
// another process has its own.
func TestReadinessNamesTheInstance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := openBubble(t)
		instance := func() string {
			t.Helper()
			name := b.get(logintest.Path+"/health/ready", "").Header().Get(gateway.InstanceHeader)
			if again := b.get(logintest.Path+"/health/ready", "").Header().Get(gateway.InstanceHeader); again != name {
				t.Errorf("one gateway is %q and %q", name, again)
			}
			return name
		}
		first := instance()
		b.Restart(t)
		if second := instance(); second == first || len(second) != len(first) {
			t.Errorf("another process is %q after %q", second, first)
		}
		b.Config.Instance = first
		b.Restart(t)
		if third := instance(); third != first {
			t.Errorf("a reload made %q of %q", third, first)
		}
	})
}
