package attack_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// from starts a login as an app on another loopback address.
func (h *theatre) from(t *testing.T, address string, header ...string) rawhttptest.Answer {
	t.Helper()
	local := &net.TCPAddr{IP: net.ParseIP(address)}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		return (&net.Dialer{LocalAddr: local}).DialContext(ctx, network, addr)
	}}
	defer transport.CloseIdleConnections()
	body := strings.NewReader(`{"code_challenge":"` + logintest.Challenge(rand.Text()) + `"}`)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+logintest.Path+"/sessions", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return rawhttptest.Answer{Status: response.StatusCode, Header: response.Header, Body: string(text)}
}

const threeStarts = `{
	SERVERS
	itsme {
		OPTIONS
		limit {
			sessions_per_client 3 1h
		}
	}
}
http://{{addr}} {
	itsme
	reverse_proxy UPSTREAM
}`

// TestForgedForwardedHeaderRaisesNoLimit has one client start more logins than it may, each time as
// somebody else by every header that names clients. Each would cost the operator a session at
// Signicat and could fill the store. What is refused costs none.
func TestForgedForwardedHeaderRaisesNoLimit(t *testing.T) {
	h := openTheatre(t, strings.Replace(threeStarts, "SERVERS", "", 1))
	for range 3 {
		if answer := h.from(t, "127.0.0.1"); answer.Status != http.StatusCreated {
			t.Fatalf("a start within the limit: %d", answer.Status)
		}
	}
	for i, name := range []string{
		"Accept", "X-Forwarded-For", "X-Real-Ip", "Forwarded", "X-Client-Ip", "Cf-Connecting-Ip", "True-Client-Ip", "X-Cluster-Client-Ip", "X_Forwarded_For",
	} {
		value := fmt.Sprintf("198.51.100.%d", i)
		if name == "Forwarded" {
			value = "for=" + value
		}
		answer := h.from(t, "127.0.0.1", name, value)
		seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
		if answer.Status != http.StatusTooManyRequests || err != nil || seconds < 1 {
			t.Errorf("%s: %d, Retry-After %q", name, answer.Status, answer.Header.Get("Retry-After"))
		}
	}
	if n := h.Signicat.Count("create_session"); n != 3 {
		t.Errorf("%d sessions were created at Signicat", n)
	}
	if answer := h.from(t, "127.0.0.2"); answer.Status != http.StatusCreated {
		t.Errorf("another client: %d", answer.Status)
	}
}

// TestTooManyStartsAreToldInTheEndpointsForm exceeds the limit at each endpoint that starts a login.
func TestTooManyStartsAreToldInTheEndpointsForm(t *testing.T) {
	h := openTheatre(t, strings.Replace(threeStarts, "SERVERS", "", 1))
	browser := h.visitor()
	for range 3 {
		browser.start(t)
	}
	answer := browser.post(t, logintest.Path+"/login", "")
	if answer.Status != http.StatusTooManyRequests || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") || answer.Header.Get("Retry-After") == "" {
		t.Errorf("a browser is told %d %v", answer.Status, answer.Header)
	}
	if answer.Header.Get("Set-Cookie") != "" {
		t.Error("a browser is given a cookie for nothing")
	}
	refused := h.from(t, "127.0.0.1")
	if refused.Header.Get("Content-Type") != "application/problem+json" || refused.Header.Get("Retry-After") == "" {
		t.Errorf("an app is told %v", refused.Header)
	}
	if !strings.Contains(refused.Body, `"code":"rate_limited"`) {
		t.Errorf("an app is told %s", refused.Body)
	}
}

// TestOnlyATrustedProxyNamesTheClient puts the same header on connections of a proxy that the
// configuration trusts, and of somebody else.
func TestOnlyATrustedProxyNamesTheClient(t *testing.T) {
	h := openTheatre(t, strings.Replace(threeStarts, "SERVERS", "servers {\n\t\ttrusted_proxies static 127.0.0.1/32\n\t}", 1))
	for _, row := range []struct {
		peer, client string
		allowed      int
	}{
		{"127.0.0.1", "198.51.100.1", 3},
		{"127.0.0.1", "198.51.100.2", 3},
		{"127.0.0.1", "198.51.100.1", 0},
		{"127.0.0.1", "::ffff:198.51.100.1", 0},
		{"127.0.0.1", "2001:db8:1:2::1", 3},
		{"127.0.0.1", "2001:db8:1:2:ffff::9", 0},
		{"127.0.0.1", "2001:db8:1:3::1", 3},
		{"127.0.0.2", "198.51.100.3", 3},
		{"127.0.0.2", "198.51.100.4", 0},
	} {
		for i := range 4 {
			want := http.StatusTooManyRequests
			if i < row.allowed {
				want = http.StatusCreated
			}
			if got := h.from(t, row.peer, "X-Forwarded-For", row.client).Status; got != want {
				t.Errorf("start %d of %s through %s: %d, want %d", i+1, row.client, row.peer, got, want)
			}
		}
	}
}

// TestIPv6NetworkIsOneClient has one customer of a network, who has 2^64 addresses, use another one
// for every start.
func TestIPv6NetworkIsOneClient(t *testing.T) {
	t.Parallel()
	b := openBubble(t, func(c *gateway.Config, _ *signicattest.Config) { c.Limit.SessionsPerClient = 3 })
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
		if got := b.begin(netip.MustParseAddr(row.address), rand.Text()+rand.Text()).Code; got != row.want {
			t.Errorf("a start from %s: %d, want %d", row.address, got, row.want)
		}
	}
}

// TestClientThatFillsTheStoreEvictsItsOwn starts logins beyond what one client may have open. Its
// own oldest go, never those of others.
func TestClientThatFillsTheStoreEvictsItsOwn(t *testing.T) {
	h := openTheatre(t, `{
	itsme {
		OPTIONS
		limit {
			sessions_per_client 1000 1m
			pending             5
			pending_per_client  3
		}
	}
}
http://{{addr}} {
	itsme
	reverse_proxy UPSTREAM
}`)
	victim := h.NewApp()
	victim.Start(t)
	code, state := victim.Approve(t, "adult")
	wantOpen := func(address string, starts, want int) {
		t.Helper()
		var ids []string
		for range starts {
			_, rest, _ := strings.Cut(h.from(t, address).Body, `"session_id":"`)
			id, _, _ := strings.Cut(rest, `"`)
			ids = append(ids, id)
		}
		open := 0
		for _, id := range ids {
			if victim.Get(t, "/sessions/"+id).Status == http.StatusOK {
				open++
			}
		}
		if open != want {
			t.Errorf("%s has %d logins open, want %d", address, open, want)
		}
	}
	wantOpen("127.0.0.2", 10, 3)
	wantOpen("127.0.0.3", 10, 2) // five altogether: of the two that flood, the one that holds more loses
	wantRedeemed(t, victim, code, state)
}
