package attack_test

import (
	"strings"
	"testing"
	"time"

	_ "github.com/caddy-itsme/caddy-itsme/caddymodule" // what the Caddyfiles name
	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

const (
	fortHost = "app.example.be"
	fortURL  = "https://" + fortHost
	// fortPort stands in the attacked sites' addresses for the port that Caddy gets.
	fortPort = "65000"
)

// fort is a Caddy that is attacked: a gateway whose public_url is https, behind somebody who ends
// TLS, in front of an upstream that keeps every byte it gets. It answers cleartext HTTP/1.1 and
// HTTP/2. The tests hold its signing key, so that they need no login to have a token.
type fort struct {
	*caddytest.Server
	t         *testing.T
	upstream  *rawhttptest.Upstream
	signicat  *signicattest.Server
	inForce   *token.Keys
	authority *token.Authority
}

// build runs a fort with these sites. UPSTREAM stands for the upstream's address.
func build(t *testing.T, sites string) *fort {
	t.Helper()
	return buildWith(t, "", sites)
}

// buildWith is build with more lines for the gateway.
func buildWith(t *testing.T, option, sites string) *fort {
	t.Helper()
	simulator, err := signicattest.Start(signicattest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(simulator.Close)
	key := keystest.PEM(t)
	f := &fort{t: t, upstream: rawhttptest.NewUpstream(t), signicat: simulator, inForce: keystest.Parse(t, key)}
	f.authority = fortAuthority(t, f.inForce, time.Now)
	config, err := caddytest.Adapt(`{
		servers {
			protocols h1 h2c
		}
		itsme {
			public_url ` + fortURL + `
			signicat {
				client_id     ` + signicattest.DefaultClientID + `
				client_secret ` + signicattest.DefaultClientSecret + `
				api_url       ` + simulator.URL + `
			}
			attributes name nin
			app_link ios     ` + logintest.IOSApp + `
			app_link android ` + logintest.AndroidApp + ` ` + logintest.AndroidFingerprint + `
			limit {
				sessions_per_client 100000 1m
			}
			token {
				claims name nin
				key    ` + keystest.File(t, key) + `
			}
			` + option + `
		}
	}
	` + strings.ReplaceAll(sites, "UPSTREAM", f.upstream.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	f.Server = caddytest.RunJSON(t, strings.ReplaceAll(string(config), `":`+fortPort+`"`, `"`+caddytest.Address+`"`))
	return f
}

// fortAuthority issues what the fort's gateway issues, with some keys.
func fortAuthority(t *testing.T, inForce *token.Keys, now func() time.Time) *token.Authority {
	t.Helper()
	authority, err := token.NewAuthority(token.Config{
		Issuer: fortURL, Audience: []string{fortURL}, ClientID: fortHost,
		SessionAudience: fortURL + "/itsme", Lifetime: time.Minute, SessionLifetime: time.Hour, Now: now,
	}, inForce)
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

// person is who the tests log in.
const person = "pseudonym="

func personClaims(attributes map[string]any) token.Claims {
	return token.Claims{Subject: person, ACR: "high", AuthTime: time.Unix(1_700_000_000, 0), Attributes: attributes}
}

// bearer is the header line of a login as an app.
func (f *fort) bearer(attributes map[string]any) string {
	f.t.Helper()
	raw, _, err := f.authority.IssueAccess(personClaims(attributes))
	if err != nil {
		f.t.Fatal(err)
	}
	return "Authorization: Bearer " + raw + "\r\n"
}

// cookie is the header line of a login as a browser.
func (f *fort) cookie(attributes map[string]any) string {
	f.t.Helper()
	raw, _, err := f.authority.IssueSession(personClaims(attributes))
	if err != nil {
		f.t.Fatal(err)
	}
	return "Cookie: " + sessionCookie + "=" + raw + "\r\n"
}

const sessionCookie = "__Host-itsme"

// send sends a request as it is.
func (f *fort) send(request string) rawhttptest.Answer {
	f.t.Helper()
	return rawhttptest.Do(f.t, f.Addr, request)
}

// ask sends a request to the fort's own host, with more header lines.
func (f *fort) ask(method, target string, lines ...string) rawhttptest.Answer {
	f.t.Helper()
	return f.send(head(method, target, fortHost, lines...) + "\r\n")
}

// head is a request up to the empty line.
func head(method, target, host string, lines ...string) string {
	return method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + strings.Join(lines, "")
}
