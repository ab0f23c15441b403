package attack_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
)

// startFrom starts a login as an app from a loopback address.
func (e *env) startFrom(t *testing.T, address string, header ...string) rawhttptest.Answer {
	t.Helper()
	local := &net.TCPAddr{IP: net.ParseIP(address)}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		return (&net.Dialer{LocalAddr: local}).DialContext(ctx, network, addr)
	}}
	defer transport.CloseIdleConnections()
	body := strings.NewReader(`{"code_challenge":"` + logintest.Challenge(rand.Text()) + `"}`)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL+logintest.Path+"/sessions", body)
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

const threeStartsAnHour = "limit {\nsessions_per_client 3 1h\n}"

// TestForgedForwardedHeaderRaisesNoLimit has one client start more logins than its limit, each time with
// another address in a header that names clients. Each login costs the operator a session at Signicat and
// fills the store. A refused start costs none.
func TestForgedForwardedHeaderRaisesNoLimit(t *testing.T) {
	e := newLoginEnv(t, threeStartsAnHour)
	for range 3 {
		if answer := e.startFrom(t, "127.0.0.1"); answer.Status != http.StatusCreated {
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
		answer := e.startFrom(t, "127.0.0.1", name, value)
		seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
		if answer.Status != http.StatusTooManyRequests || err != nil || seconds < 1 {
			t.Errorf("%s: %d, Retry-After %q", name, answer.Status, answer.Header.Get("Retry-After"))
		}
	}
	if n := e.Signicat.Count("create_session"); n != 3 {
		t.Errorf("%d sessions were created at Signicat", n)
	}
	if answer := e.startFrom(t, "127.0.0.2"); answer.Status != http.StatusCreated {
		t.Errorf("another client: %d", answer.Status)
	}
}

// TestTooManyStartsAreToldInTheEndpointsForm exceeds the limit at each endpoint that starts a login. A browser
// gets a page, an app gets a problem document.
func TestTooManyStartsAreToldInTheEndpointsForm(t *testing.T) {
	e := newLoginEnv(t, threeStartsAnHour)
	browser := e.browser(t)
	for range 3 {
		browser.start("/account")
	}
	answer := browser.submitOwn("/login", nil)
	if answer.Status != http.StatusTooManyRequests || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") || answer.Header.Get("Retry-After") == "" {
		t.Errorf("a browser gets %d %v", answer.Status, answer.Header)
	}
	if answer.Header.Get("Set-Cookie") != "" {
		t.Error("a browser gets a cookie for a refused start")
	}
	refused := e.startFrom(t, "127.0.0.1")
	if refused.Header.Get("Content-Type") != "application/problem+json" || refused.Header.Get("Retry-After") == "" {
		t.Errorf("an app gets %v", refused.Header)
	}
	if !strings.Contains(refused.Body, `"code":"rate_limited"`) {
		t.Errorf("an app gets %s", refused.Body)
	}
}

// TestOnlyATrustedProxyNamesTheClient sends the same header from a proxy that the configuration trusts, and
// from another client.
func TestOnlyATrustedProxyNamesTheClient(t *testing.T) {
	e := newEnv(t, strings.NewReplacer("SERVERS", "servers {\n\t\ttrusted_proxies static 127.0.0.1/32\n\t}", "OPTIONS", threeStartsAnHour).Replace(protectedSite))
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
			if got := e.startFrom(t, row.peer, "X-Forwarded-For", row.client).Status; got != want {
				t.Errorf("start %d of %s through %s: %d, want %d", i+1, row.client, row.peer, got, want)
			}
		}
	}
}

// TestClientThatFillsTheStoreEvictsItsOwn has an attacker start more logins than one client may have pending.
// The store evicts the attacker's oldest logins and keeps those of other clients.
func TestClientThatFillsTheStoreEvictsItsOwn(t *testing.T) {
	e := newLoginEnv(t, "limit {\nsessions_per_client 1000 1m\npending 5\npending_per_client 3\n}")
	victim := e.NewApp()
	victim.Start(t)
	code, state := victim.Approve(t, "adult")
	wantOpen := func(address string, starts, want int) {
		t.Helper()
		var ids []string
		for range starts {
			_, rest, _ := strings.Cut(e.startFrom(t, address).Body, `"session_id":"`)
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
	wantOpen("127.0.0.3", 10, 2) // five in all: of the two clients that flood, the one that holds more loses a login
	wantRedeemed(t, victim, code, state)
}
