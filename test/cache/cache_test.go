//go:build unix

package cache_test

import (
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/caddyserver/cache-handler"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddy-itsme/caddy-itsme/caddymodule"
	"github.com/caddy-itsme/caddy-itsme/internal/cachetest"
	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// caddyfile has a site for logins, and the two that the suite attacks. CHAIN and OPTIONAL stand for their routes.
const caddyfile = `{
	cache {
		ttl 600s
	}
	itsme {
		public_url http://{{addr}}
		signicat {
			client_id     ` + signicattest.DefaultClientID + `
			client_secret ` + signicattest.DefaultClientSecret + `
			api_url       SIGNICAT
		}
		attributes name
		token {
			key     KEY
			refresh 720h
		}
		limit {
			sessions_per_client 10000 1m
			pending_per_client  10000
		}
	}
}
http://{{addr}} {
	itsme
	respond "logged in"
}
http://` + cachetest.Host + `:{{port}} {
	route {
		CHAIN
	}
}
http://` + cachetest.Optional + `:{{port}} {
	route {
		OPTIONAL
	}
}
`

// TestCacheHandlerSharesNoUsersPage runs cache-handler in front of itsme, and behind it as docs/security.md
// sets it up. A user asks for the page that the cache kept for another user.
func TestCacheHandlerSharesNoUsersPage(t *testing.T) {
	const itsme = "itsme {\npublic /public/*\nOPTION\nforward_token FORWARD\n}\n"
	const bySubject = "cache {\nkey {\nheaders X-Itsme-Subject\n}\n}\n"
	for name, chain := range map[string]string{
		"in front":                "cache {\ndisable_coalescing\n}\n" + strings.ReplaceAll(itsme, "FORWARD", "authorization"),
		"in front, without token": "cache {\ndisable_coalescing\n}\n" + strings.ReplaceAll(itsme, "FORWARD", "off"),
		"behind":                  strings.ReplaceAll(itsme, "FORWARD", "authorization") + bySubject,
		"behind, without token":   strings.ReplaceAll(itsme, "FORWARD", "off") + bySubject,
	} {
		t.Run(name, func(t *testing.T) { cachetest.Suite(t, newEnv(t, chain)) })
	}
}

// env is a Caddy with cache-handler whose signing key the test has.
type env struct {
	front *logintest.Env
	keys  *token.Keys
	users atomic.Int64
}

func newEnv(t *testing.T, chain string) cachetest.Env {
	t.Helper()
	signicat, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	origin := httptest.NewServer(cachetest.NewOrigin())
	t.Cleanup(origin.Close)
	key, file := newKey(t)
	chain += "reverse_proxy " + origin.Listener.Addr().String()
	server := caddytest.Run(t, strings.NewReplacer("SIGNICAT", "http://"+signicat.Addr().String(), "KEY", file,
		"CHAIN", strings.ReplaceAll(chain, "OPTION\n", ""), "OPTIONAL", strings.ReplaceAll(chain, "OPTION\n", "optional\n")).Replace(caddyfile))
	sim, err := signicattest.StartOn(signicat, signicattest.Config{AllowLoopbackHTTP: true, RedirectURLs: []string{
		server.URL + logintest.Path + "/callback", server.URL + logintest.Path + "/app/callback",
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	e := &env{front: &logintest.Env{URL: server.URL, Signicat: sim}, keys: keystest.Parse(t, key)}
	return cachetest.Env{Addr: server.Addr, Stored: "/immutable", Bearer: e.bearer, Cookie: e.cookie, Renewing: e.renewing}
}

// newKey makes a signing key and writes it to a file.
func newKey(t *testing.T) (text []byte, file string) {
	t.Helper()
	key, err := token.GenerateKey(token.ES256)
	if err == nil {
		text, err = key.MarshalPEM()
	}
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return text, file
}

// authority issues what the gateway issued some time ago.
func (e *env) authority(t *testing.T, ago time.Duration) *token.Authority {
	t.Helper()
	url := e.front.URL
	a, err := token.NewAuthority(token.Config{
		Issuer: url, Audience: []string{url}, ClientID: strings.TrimPrefix(url, "http://"), SessionAudience: url + logintest.Path,
		Lifetime: time.Hour, SessionLifetime: 8 * time.Hour, Now: func() time.Time { return time.Now().Add(-ago) },
	}, e.keys)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// claims returns those of a new user.
func (e *env) claims() token.Claims {
	return token.Claims{Subject: "user" + strconv.FormatInt(e.users.Add(1), 10), ACR: "high", AuthTime: time.Now()}
}

func (e *env) bearer(t *testing.T) (line, subject string) {
	t.Helper()
	raw, claims, err := e.authority(t, 0).IssueAccess(e.claims())
	if err != nil {
		t.Fatal(err)
	}
	return "Authorization: Bearer " + raw + "\r\n", claims.Subject
}

func (e *env) cookie(t *testing.T) (line, subject string) {
	t.Helper()
	return e.session(t, 0, e.claims())
}

// renewing logs in and returns a cookie of that login that is five hours old, which the gateway renews.
func (e *env) renewing(t *testing.T) (line, subject string) {
	t.Helper()
	b := e.front.NewBrowser(t)
	b.Login(t, "/", "adult")
	_, raw, _ := strings.Cut("; "+b.Cookie(t), "; itsme=")
	raw, _, _ = strings.Cut(raw, ";")
	held, err := e.authority(t, 0).VerifySession(raw)
	if err != nil {
		t.Fatalf("the cookie of the login: %v", err)
	}
	claims := e.claims()
	claims.ID = held.ID
	return e.session(t, 5*time.Hour, claims)
}

func (e *env) session(t *testing.T, ago time.Duration, claims token.Claims) (line, subject string) {
	t.Helper()
	raw, claims, err := e.authority(t, ago).IssueSession(claims)
	if err != nil {
		t.Fatal(err)
	}
	return "Cookie: theme=dark; itsme=" + raw + "\r\n", claims.Subject
}

// TestCacheInFrontIsFound runs Caddy and the doctor on sites with a cache before or behind itsme. Both warn of
// a cache that sees the answers for users.
func TestCacheInFrontIsFound(t *testing.T) {
	const found = "a cache in front of itsme receives the answers for users"
	for name, row := range map[string]struct {
		site string
		want bool
	}{
		"in front":               {"cache\nitsme\nrespond ok", true},
		"of a part":              {"cache /account/*\nitsme\nrespond ok", true},
		"of what needs no login": {"cache /assets/*\nitsme {\npublic /assets/*\n}\nrespond ok", false},
		"behind":                 {"route {\nitsme\ncache\nrespond ok\n}", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, file := newKey(t)
			text := strings.NewReplacer("SIGNICAT", "http://127.0.0.1:1", "KEY", file, "CHAIN", "respond ok", "OPTIONAL", "respond ok",
				"itsme\n\trespond \"logged in\"", row.site).Replace(caddyfile)
			server := caddytest.Run(t, text)
			if got := strings.Contains(server.Log(), found); got != row.want {
				t.Errorf("the log warns of it: %t", got)
			}
			caddyfile := filepath.Join(t.TempDir(), "Caddyfile")
			if err := os.WriteFile(caddyfile, []byte(strings.NewReplacer("{{addr}}", server.Addr, ":{{port}}", "").Replace(text)), 0o600); err != nil {
				t.Fatal(err)
			}
			doctor := exec.CommandContext(t.Context(), os.Args[0], "itsme", "doctor", "--offline", "--config", caddyfile)
			doctor.Env = append(os.Environ(), runAsCaddy+"=1", "HOME="+t.TempDir())
			out, _ := doctor.CombinedOutput() // other findings make it fail
			if got := strings.Contains(string(out), "cache_in_front"); got != row.want {
				t.Errorf("the doctor finds it: %t\n%s", got, out)
			}
		})
	}
}

// runAsCaddy names the variable that makes this program Caddy.
const runAsCaddy = "ITSME_TEST_AS_CADDY"

func TestMain(m *testing.M) {
	if os.Getenv(runAsCaddy) != "" {
		caddycmd.Main()
		return
	}
	os.Exit(m.Run())
}
