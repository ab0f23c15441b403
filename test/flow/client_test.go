package flow_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// limited sets the limits of the gateway.
func limited(limit gateway.LimitConfig) func(*gateway.Config, *signicattest.Config) {
	return func(c *gateway.Config, _ *signicattest.Config) { c.Limit = limit }
}

// TestIPv6NetworkIsOneClient has one customer of a network, who has 2^64 addresses, use another one
// for every start.
func TestIPv6NetworkIsOneClient(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) { c.Limit.SessionsPerClient = 3 })
	for _, row := range []struct {
		address string
		want    int
	}{
		{"2001:db8::1", http.StatusCreated},
		{"2001:db8::2", http.StatusCreated},
		{"2001:db8:0:0:ffff:ffff:ffff:ffff", http.StatusCreated},
		{"2001:db8::4", http.StatusTooManyRequests},
		{"2001:db8::4%eth0", http.StatusTooManyRequests},
		{"2001:db8:0:1::1", http.StatusCreated},
		{"192.0.2.1", http.StatusCreated},
		{"::ffff:192.0.2.1", http.StatusCreated},
		{"192.0.2.1", http.StatusCreated},
		{"::ffff:192.0.2.1", http.StatusTooManyRequests},
		{"192.0.2.2", http.StatusCreated},
	} {
		if got := e.newApp().from(row.address).start().Code; got != row.want {
			t.Errorf("a start from %s: %d, want %d", row.address, got, row.want)
		}
	}
}

// TestIPv6NetworkIsSixteenClients has an attacker with a /48, which has 65,536 networks of 64 bits, use
// another one for every start. A refused start costs no call to Signicat and takes nothing from the limit of
// the next network.
func TestIPv6NetworkIsSixteenClients(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, limited(gateway.LimitConfig{SessionsPerClient: 3, SessionsWindow: time.Hour}))
		want := func(address string, want int) {
			t.Helper()
			if got := e.newApp().from(address).start(); got.Code != want {
				t.Fatalf("a start from %s: %d, want %d", address, got.Code, want)
			}
		}
		for i := range networkShare * 3 {
			want(fmt.Sprintf("2001:db8:1:%x::1", 1000+i), http.StatusCreated)
		}
		for i := range 100 {
			want(fmt.Sprintf("2001:db8:1:%x::1", i), http.StatusTooManyRequests)
		}
		want("2001:db8:2::1", http.StatusCreated)
		want("192.0.2.1", http.StatusCreated)
		if n := e.Signicat.Count("create_session"); n != networkShare*3+2 {
			t.Errorf("%d sessions were created at Signicat", n)
		}
		pass(time.Hour)
		want("2001:db8:1::1", http.StatusCreated)
	})
}

// TestStartsOfAllClientsAreBounded starts logins from many addresses. A start that its client's own limit
// refuses does not count for the limit of all clients.
func TestStartsOfAllClientsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, limited(gateway.LimitConfig{SessionsPerClient: 5, AllSessions: 20, AllSessionsWindow: 10 * time.Second}))
		started := func(address string, starts int) (n int, last reply) {
			for range starts {
				if last = e.newApp().from(address).start(); last.Code == http.StatusCreated {
					n++
				}
			}
			return n, last
		}
		if n, _ := started("192.0.2.1", 100); n != 5 {
			t.Errorf("one client started %d", n)
		}
		for i := range 15 {
			if n, _ := started(fmt.Sprintf("198.51.100.%d", i), 1); n != 1 {
				t.Errorf("client %d started none: the client before it used its place", i)
			}
		}
		n, refused := started("203.0.113.1", 1)
		if n != 0 || refused.outcome() != "429 rate_limited, Retry-After 1" {
			t.Errorf("one more got %s", refused.outcome())
		}
		if n := e.Signicat.Count("create_session"); n != 20 {
			t.Errorf("%d sessions were created at Signicat", n)
		}
		pass(10 * time.Second)
		if n, _ := started("203.0.113.2", 5); n != 5 {
			t.Errorf("later a client started %d", n)
		}
	})
}

// TestStartsOfAllClientsHaveNoDefaultBound starts 2,000 logins from as many addresses. With a default bound
// for all clients, a flood would stop the logins of all users.
func TestStartsOfAllClientsHaveNoDefaultBound(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		for i := range 2_000 {
			address := fmt.Sprintf("10.0.%d.%d", i/250, i%250)
			if got := e.newApp().from(address).start(); got.Code != http.StatusCreated {
				t.Fatalf("start %d: %s", i, got.outcome())
			}
		}
	})
}
