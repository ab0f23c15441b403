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

// TestReadinessTellsTheTruth reads /health/ready without keys, without Signicat and without the store. A
// gateway without Signicat is ready: it still serves users who are logged in, and another replica could do no
// more.
func TestReadinessTellsTheTruth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := keystest.New(t, token.DefaultAlgorithm)
		set := keys.KeySet()
		keys.Set(nil)
		e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) { c.Keys = keys })
		want := func(when string, want int) {
			t.Helper()
			got := e.get(logintest.Path+"/health/ready", "")
			if got.Code != want || (want != http.StatusOK) != (got.Header().Get("Retry-After") != "") || got.Body.Len() != 0 {
				t.Errorf("%s: %s %q", when, got.outcome(), got.Body)
			}
			if live := e.get(logintest.Path+"/health/live", ""); live.Code != http.StatusOK {
				t.Errorf("%s: not live: %s", when, live.outcome())
			}
		}
		want("before there are keys", http.StatusServiceUnavailable)
		keys.Set(set)
		want("with keys", http.StatusOK)
		e.openBreaker(t)
		e.failSignicat(t)
		want("without Signicat", http.StatusOK)
		if err := e.Config.Store.Close(); err != nil {
			t.Fatal(err)
		}
		want("without the store", http.StatusServiceUnavailable)
	})
}

// TestReadinessNamesTheInstance restarts the gateway. After a reload in the same process the instance keeps
// its name. Another process has another name.
func TestReadinessNamesTheInstance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		instance := func() string {
			t.Helper()
			name := e.get(logintest.Path+"/health/ready", "").Header().Get(gateway.InstanceHeader)
			if again := e.get(logintest.Path+"/health/ready", "").Header().Get(gateway.InstanceHeader); again != name {
				t.Errorf("one gateway is named %q and %q", name, again)
			}
			return name
		}
		first := instance()
		e.Restart(t)
		if second := instance(); second == first || len(second) != len(first) {
			t.Errorf("another process is named %q after %q", second, first)
		}
		e.Config.Instance = first
		e.Restart(t)
		if third := instance(); third != first {
			t.Errorf("after a reload the name is %q, want %q", third, first)
		}
	})
}
