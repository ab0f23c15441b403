package attack_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
)

// TestForeignBearerNeverReachesUpstream has a client send an unverified token to a path that needs no login.
// An upstream there trusts every bearer token, because it expects that the gateway verified it. Each value is
// a bearer token for some upstream: one that trims Unicode blanks, splits at a comma, or takes what follows
// the word.
func TestForeignBearerNeverReachesUpstream(t *testing.T) {
	e := newAppEnv(t, wireSites)
	for _, value := range []string{
		"Bearer forged", "bearer forged", "BEARER  forged", "Bearer\tforged", "\tBearer forged", "Bearer", "Bearer,forged",
		"Bearer=forged", "Bearer:forged", "\xa0Bearer forged", "\u00a0Bearer forged", "\x85Bearer forged",
		"Basic dTpw, Bearer forged", "Basic dTpw Bearer forged", "Basic dTpw;bearer forged", `"Bearer forged"`,
	} {
		for _, host := range []string{"outside.example.be", appHost} {
			answer := e.send(head(http.MethodGet, "/public/x", host, "Authorization: "+value+"\r\n") + "\r\n")
			got := strings.Join(e.upstream.Take(), "")
			if answer.Status != http.StatusOK || got == "" || strings.Contains(got, "Authorization") {
				t.Errorf("%q to %s: %d, the upstream got %q", value, host, answer.Status, got)
			}
		}
	}
	e.send(head(http.MethodGet, "/", "outside.example.be", "Authorization: Basic dTpw\r\n") + "\r\n")
	if got := strings.Join(e.upstream.Take(), ""); !strings.Contains(got, "\r\nAuthorization: Basic dTpw\r\n") {
		t.Errorf("a line of another scheme, which belongs to the upstream: %q", got)
	}
}

// TestOwnCookiesNeverReachUpstream looks for the gateway's cookies at the upstream. An attacker who reads the
// upstream's logs would log in with them. The other cookies arrive as the browser sent them.
func TestOwnCookiesNeverReachUpstream(t *testing.T) {
	e := newAppEnv(t, wireSites)
	login := strings.TrimSpace(strings.TrimPrefix(e.cookie(nil), "Cookie: "))
	for _, row := range []struct {
		name, sent string
		want       []string
	}{
		{"alone", login, nil},
		{"first", login + "; a=b", []string{"a=b"}},
		{"last", "a=b; " + login, []string{"a=b"}},
		{"in the middle", `a="b;  c=d ;` + login + `;e;=f; g=h=i`, []string{`a="b;  c=d ;e;=f; g=h=i`}},
		{"in a line of its own", "a=b\r\nCookie: " + login + "\r\nCookie: c=d", []string{"a=b", "c=d"}},
		{"with a login's", login + "; __Host-itsme-l-AbCd_-09=x; a=b", []string{"a=b"}},
		{"with blanks", " a=b;\t" + login + " ; c=d", []string{"a=b; c=d"}},
		{"with names like it", login + "; __host-itsme=x; __Host-itsme2=y; itsme=z", []string{"__host-itsme=x; __Host-itsme2=y; itsme=z"}},
	} {
		for _, target := range []string{"/", "/public/x"} {
			answer := e.ask(http.MethodGet, target, "Cookie: "+row.sent+"\r\n")
			got := strings.Join(e.upstream.Take(), "")
			if answer.Status != http.StatusOK || strings.Contains(got, sessionCookie+"=") || strings.Contains(got, sessionCookie+"-l-") {
				t.Errorf("%s, %s: %d, the upstream got %q", row.name, target, answer.Status, got)
			}
			want := ""
			for _, line := range row.want {
				want += "Cookie: " + line + "\r\n"
			}
			if strings.Count(got, "Cookie:") != len(row.want) || !strings.Contains(got, want) {
				t.Errorf("%s, %s: want %q in %q", row.name, target, want, got)
			}
		}
	}
}

// TestOtherHeadersReachUpstream sends headers whose names resemble the gateway's. They reach the upstream
// unchanged.
func TestOtherHeadersReachUpstream(t *testing.T) {
	e := newAppEnv(t, wireSites)
	lines := []string{
		"X-Itsme: a\r\n", "X-Itsmes-Subject: b\r\n", "Itsme-Subject: c\r\n", "X-User-Names: d\r\n", "X-Note: {env.HOME}  \tx\r\n",
		"Accept: a, b\r\n", "X-Twice: 1\r\nX-Twice: 2\r\n", "X-Empty: \r\n",
	}
	e.ask(http.MethodGet, "/public/x", lines...)
	got := strings.Join(e.upstream.Take(), "")
	for _, line := range lines {
		if !strings.Contains(got, "\r\n"+line) {
			t.Errorf("want %q in %q", line, got)
		}
	}
	e.ask(http.MethodGet, "/public/x", "Connection: X-Itsme-Subject, x-note\r\n", "X-Note: for one hop\r\n")
	if got := strings.Join(e.upstream.Take(), ""); strings.Contains(got, "X-Note") {
		t.Errorf("a header of the connection reached the upstream: %q", got)
	}
}

// TestClientCannotTunnelHTTPPastTheGateway has a client offer to continue in HTTP/2 on the same connection
// (RFC 7540 section 3.2, removed by RFC 9113). A proxy that passes the offer on becomes a tunnel when the
// upstream accepts. The gateway does not see the requests inside, such as one with identity headers. Any
// public path and any login would be enough.
func TestClientCannotTunnelHTTPPastTheGateway(t *testing.T) {
	e := newAppEnv(t, wireSites)
	for _, offer := range []string{
		"Upgrade: h2c", "upgrade: H2C", "Upgrade: websocket, h2c", "Upgrade: h2c,websocket", "Upgrade: websocket\r\nUpgrade: h2c", "Upgrade: h2c\r\nUpgrade: websocket",
		"Upgrade: HTTP/2.0", "Upgrade: h2", "Upgrade: h2c-17", "Upgrade: HTTP/1.1", "Upgrade:\th2c ", "Upgrade: ,h2c", "Upgrade: websocket/13, http/3", "Upgrade: a\r\n h2c", "Upgrade: websocket h2c",
	} {
		for _, connection := range []string{"Upgrade, HTTP2-Settings", "upgrade", "keep-alive, Upgrade"} {
			for target, lines := range map[string]string{"/public/x": "", "/": e.bearer(nil)} {
				c := rawhttptest.Dial(t, e.Addr)
				c.Send(head(http.MethodGet, target, appHost, lines, "Connection: "+connection+"\r\n", offer+"\r\n", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n") + "\r\n")
				answer := c.Answer(http.MethodGet)
				c.Close()
				if got := strings.Join(e.upstream.Take(), ""); answer.Status == http.StatusSwitchingProtocols || strings.Contains(strings.ToLower(got), "upgrade:") {
					t.Errorf("%q with Connection: %s: %d, the upstream got %q", offer, connection, answer.Status, got)
				}
			}
		}
	}
}

// TestWebSocketGoesThrough opens WebSockets with an identity header named in Connection, to have it deleted.
// The header arrives, and so does the upgrade.
func TestWebSocketGoesThrough(t *testing.T) {
	e := newAppEnv(t, wireSites)
	for _, connection := range []string{"Upgrade", "keep-alive, Upgrade, X-Itsme-Subject", "X-Itsme-Subject\r\nConnection: upgrade\r\nConnection: Authorization"} {
		for _, offer := range []string{"websocket", "WebSocket"} {
			c := rawhttptest.Dial(t, e.Addr)
			lines := strings.Replace(upgrade, "Connection: Upgrade\r\nUpgrade: websocket", "Connection: "+connection+"\r\nUpgrade: "+offer, 1)
			c.Send(head(http.MethodGet, "/", appHost, e.bearer(nil), lines) + "\r\n")
			if answer := c.Answer(http.MethodGet); answer.Status != http.StatusSwitchingProtocols {
				t.Fatalf("%q: %d %s", connection, answer.Status, answer.Body)
			}
			c.Send("hello")
			if got := c.Receive(5); got != "hello" {
				t.Errorf("%q: the tunnel returns %q", connection, got)
			}
			c.Close()
			received := strings.Join(e.upstream.Take(), "")
			if !strings.Contains(received, "\r\nX-Itsme-Subject: "+person+"\r\n") || !strings.Contains(received, "\r\nAuthorization: Bearer ") {
				t.Errorf("%q: the upstream got %q", connection, received)
			}
		}
	}
}
