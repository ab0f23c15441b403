package flow_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// outageStore has outages of its records. It may still find them, and change none.
type outageStore struct {
	*store.Memory
	unread, unwritten atomic.Bool
}

// Load implements [store.Store].
func (s *outageStore) Load(ctx context.Context, id string) (*store.Record, error) {
	if s.unread.Load() {
		return nil, store.ErrUnavailable
	}
	return s.Memory.Load(ctx, id)
}

// Update implements [store.Store].
func (s *outageStore) Update(ctx context.Context, r *store.Record) error {
	if s.unwritten.Load() {
		return store.ErrUnavailable
	}
	return s.Memory.Update(ctx, r)
}

// TestCallbackOutlivesAnOutageOfTheStore: itsme sends a user back while the store fails over. The code is good for
// minutes. The page keeps the URL and loads it again, and the user need not log in anew.
func TestCallbackOutlivesAnOutageOfTheStore(t *testing.T) {
	t.Parallel()
	for outage, of := range map[string]func(*outageStore) *atomic.Bool{
		"it is not read":    func(s *outageStore) *atomic.Bool { return &s.unread },
		"it is not written": func(s *outageStore) *atomic.Bool { return &s.unwritten },
	} {
		for name, row := range map[string]struct {
			code string // of an error that itsme returns instead of a code
			want int
		}{"approved": {"", http.StatusSeeOther}, "refused": {"access_denied", http.StatusOK}} {
			t.Run(name+", "+outage, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := &outageStore{Memory: store.NewMemory(time.Now)}
					t.Cleanup(func() { _ = s.Close() })
					e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) { c.Store = s })
					back, cookies := e.approvedBrowser(t)
					if row.code != "" {
						back = e.withError(back, row.code)
					}
					of(s).Store(true)
					for range 2 {
						got := e.visit(back, cookies)
						if page := got.Body.String(); got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") == "" ||
							!strings.Contains(page, "location.reload") || strings.Contains(page, "replaceState") || len(got.Result().Cookies()) > 0 {
							t.Errorf("in the outage: %d, Retry-After %q, cookies %v\n%s", got.Code, got.Header().Get("Retry-After"), got.Result().Cookies(), page)
						}
					}
					of(s).Store(false)
					pass(5 * time.Second)
					if got := e.visit(back, cookies); got.Code != row.want {
						t.Errorf("after it: %d %s", got.Code, got.Body)
					}
				})
			})
		}
	}
}
