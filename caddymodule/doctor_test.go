package caddymodule_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// doctorRows are mistakes and failures, with the expected warnings and problems.
var doctorRows = []struct {
	name    string
	replace []string
	arrange func(*testing.T, env) (replace []string)
	problem bool
	want    []string
}{
	{name: "a subdirective that does not exist", replace: []string{"#gateway", "nosuch"}, problem: true, want: []string{"config_refused"}},
	{name: "a variable that is not set", replace: []string{"CLIENT_ID", "{env.ITSME_TEST_UNSET}"}, problem: true, want: []string{"config_refused"}},
	{name: "a redirect URL with a fragment", replace: []string{"#gateway", "app_redirect_url https://app.example.be/back#x"}, problem: true, want: []string{"config_refused"}},
	{
		name: "an upstream that itsme does not see", replace: []string{"http://{{addr}} {", "http://other.example:PORT {\nreverse_proxy 127.0.0.1:9\n}\nhttp://{{addr}} {"},
		want: []string{"upstream_uncovered"},
	},
	{name: "a gateway that no site has", replace: []string{"\titsme\n\treverse_proxy 127.0.0.1:9", "respond ok"}, want: []string{"gateway_unused"}},
	{name: "no level of assurance", replace: []string{"loa low", ""}, want: []string{"loa_missing"}},
	{name: "endpoints in a part of the site", replace: []string{"\titsme\n\treverse_proxy 127.0.0.1:9", "handle /api/* {\nitsme\n}"}, problem: true, want: []string{"endpoints_unreachable"}},
	{
		name:    "browser logins on another host",
		replace: []string{"http://{{addr}} {", "http://other.example:PORT {\nitsme {\nmode browser\n}\n}\nhttp://{{addr}} {"},
		problem: true, want: []string{"config_refused"},
	},
	{name: "files beside itsme", replace: []string{"\titsme\n\treverse_proxy 127.0.0.1:9", "handle /files/* {\nfile_server\n}\nhandle {\nitsme\n}"}, want: []string{"content_uncovered"}},
	{name: "an error page from an upstream", replace: []string{"#site", "handle_errors {\nreverse_proxy 127.0.0.1:9\n}"}, want: []string{"errors_uncovered"}},
	{name: "itsme in the last place", replace: []string{"#global", "order itsme last"}, want: []string{"itsme_too_late"}},
	{name: "a folder without what is in it", replace: []string{"\titsme\n", "\titsme /private\n"}, want: []string{"matcher_half"}},
	{name: "a matcher beside rewrites", replace: []string{"\titsme\n", "\t@in path /x /x/*\nitsme @in\nuri strip_prefix /app\n"}, want: []string{"matcher_rewritten"}},
	{name: "a public path that is stripped", replace: []string{"#site", "handle_path /app/* {\nitsme {\npublic /assets/*\n}\n}"}, want: []string{"public_without_effect"}},
	{name: "credentials in the access log", replace: []string{"#global", "servers {\nlog_credentials\n}"}, problem: true, want: []string{"log_credentials"}},
	{name: "trusted proxies that are believed too much", replace: []string{"#global", "servers {\ntrusted_proxies static private_ranges\n}"}, want: []string{"trusted_proxies_lenient"}},
	{
		name:    "PROXY protocol with verify",
		replace: []string{"#global", "servers {\nlistener_wrappers {\nproxy_protocol\n}\n}", "#gateway", "verify 10.0.0.0/8"},
		want:    []string{"verify_proxy_protocol"},
	},
	{
		name: "a header operation that runs after itsme", replace: []string{"\titsme\n", "header >Cache-Control \"public, max-age=60\"\nitsme\n"},
		want: []string{"header_deferred"},
	},
	{name: "the national number in readable tokens", replace: []string{"attributes name", "attributes name nin\ntoken {\nclaims name nin\n}"}, want: []string{"claims_readable"}},
	{name: "the national number in encrypted tokens", replace: []string{"attributes name", "attributes name nin\ntoken {\nclaims name nin\nencrypted\n}"}},
	{
		name:    "another age than the tokens show",
		replace: []string{"attributes name", "attributes name dateOfBirth\ntoken {\nclaims age_over_21\n}", "\titsme\n", "\titsme {\nrequire min_age 18\n}\n"},
		want:    []string{"min_age_differs"},
	},
	{name: "DEBUG without the filter", replace: []string{"#global", "debug"}, want: []string{"debug_logs_identity"}},
	{name: "DEBUG with the filter", replace: []string{"#global", "log {\nlevel DEBUG\nformat filter {\nrequest itsme\n}\n}"}},
	{
		name:    "storage that cannot be written",
		arrange: func(t *testing.T, _ env) []string { return []string{"STORAGE", writeCaddyfile(t, "") + "/below"} },
		problem: true, want: []string{"storage_unusable", "keys_unreadable"},
	},
	{
		name:    "another storage than Caddy's",
		arrange: func(t *testing.T, _ env) []string { return []string{"STORAGE", t.TempDir()} },
		problem: true, want: []string{"jwks_differs"},
	},
	{
		name: "damaged keys",
		arrange: func(t *testing.T, _ env) []string {
			dir := t.TempDir()
			if err := os.MkdirAll(filepath.Join(dir, "itsme", "default"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "itsme", "default", "keys.json"), []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
			return []string{"STORAGE", dir}
		},
		problem: true, want: []string{"keys_unreadable"},
	},
	{
		name: "memory in Kubernetes",
		arrange: func(t *testing.T, _ env) []string {
			t.Setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
			return nil
		},
		want: []string{"store_memory_replicas"},
	},
	{name: "a wrong secret", replace: []string{"CLIENT_SECRET", clientSecret}, problem: true, want: []string{"credentials_refused"}},
	{name: "another account", replace: []string{"ACCOUNT_ID", "a-spge-other"}, problem: true, want: []string{"account_differs", "permission_missing"}},
	{
		name: "no permission",
		arrange: func(t *testing.T, c env) []string {
			return c.fails(t, signicattest.Fault{Operation: signicattest.OperationReadSession, Status: http.StatusForbidden})
		},
		problem: true, want: []string{"permission_missing"},
	},
	{
		name: "a Signicat that stumbles over the session",
		arrange: func(t *testing.T, c env) []string {
			return c.fails(t, signicattest.Fault{Operation: signicattest.OperationReadSession, Status: http.StatusInternalServerError})
		},
		want: []string{"permission_unknown"},
	},
	{
		name:    "a Signicat that is down",
		replace: []string{"SIGNICAT", "http://127.0.0.1:1"},
		problem: true, want: []string{"signicat_unreachable"},
	},
	{
		name: "a Signicat at a name below localhost",
		arrange: func(t *testing.T, _ env) []string {
			return []string{"SIGNICAT", strings.Replace(signicatAt(t, 0), "127.0.0.1", "sim.localhost", 1)}
		},
	},
	{
		name: "an api_url that is not Signicat's",
		arrange: func(t *testing.T, _ env) []string {
			return []string{"SIGNICAT", serve(t, http.NotFound)}
		},
		problem: true, want: []string{"signicat_elsewhere"},
	},
	{
		name: "an api_url that is a web site",
		arrange: func(t *testing.T, _ env) []string {
			return []string{"SIGNICAT", serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<!doctype html>")) })}
		},
		problem: true, want: []string{"signicat_elsewhere"},
	},
	{
		name:    "a clock that is half a minute ahead",
		arrange: func(t *testing.T, _ env) []string { return []string{"SIGNICAT", signicatAt(t, -45*time.Second)} },
		want:    []string{"clock_off"},
	},
	{
		name:    "a clock that is an hour behind",
		arrange: func(t *testing.T, _ env) []string { return []string{"SIGNICAT", signicatAt(t, time.Hour)} },
		problem: true, want: []string{"clock_wrong"},
	},
	{
		name:    "a public URL that does not answer",
		replace: []string{"public_url http://{{addr}}", "public_url http://127.0.0.1:1", "http://{{addr}} {", "http://127.0.0.1:1 {"},
		problem: true, want: []string{"key_foreign", "public_url_unreachable"},
	},
	{
		name: "a public URL of another service",
		arrange: func(t *testing.T, _ env) []string {
			other := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`"hello"`)) })
			return []string{"{{addr}}", strings.TrimPrefix(other, "http://")}
		},
		problem: true, want: []string{"key_foreign", "jwks_differs"},
	},
	{
		name:    "an issuer without metadata",
		replace: []string{"#gateway", "token {\nissuer http://{{addr}}/other\n}"},
		problem: true, want: []string{"key_foreign", "jwks_differs", "discovery_wrong"},
	},
	{
		name:    "app links that Caddy does not serve yet",
		replace: []string{"#gateway", "app_link ios A1B2C3D4E5.be.example.app"},
		problem: true, want: []string{"app_link_missing"},
	},
	{
		name: "Redis that may evict", arrange: redisThat("--maxmemory-policy", "allkeys-lru"),
		problem: true, want: []string{"redis_may_evict"},
	},
	{name: "Redis that keeps everything", arrange: redisThat("--maxmemory-policy", "noeviction")},
	{
		name: "Redis with full memory", arrange: redisThat("--maxmemory", "1"),
		problem: true, want: []string{"redis_oom"},
	},
	{
		name: "Redis that waits for its replicas", arrange: redisThat("--min-replicas-to-write", "1"),
		problem: true, want: []string{"redis_noreplicas"},
	},
	{
		name: "Redis that is a replica", arrange: redisThat("--replicaof", "127.0.0.1 1"),
		problem: true, want: []string{"keys_unreadable", "redis_readonly"},
	},
	{
		name: "Redis that another secret sealed", arrange: redisOf("another secret, as long as it has to be"),
		problem: true, want: []string{"keys_unreadable", "redis_unreadable", "redis_secret_unknown"},
	},
	{name: "Redis that this secret sealed", arrange: redisOf("0123456789abcdef0123456789abcdef")},
	{
		name: "Redis that denies commands",
		arrange: func(t *testing.T, _ env) []string {
			server := redistest.Start(t, "--user", "gateway", "on", ">password", "~*", "&*", "-@all", "+@connection", "+info", "+role", "--maxmemory-policy", "noeviction")
			return []string{"#gateway", strings.Replace(redisAt(server.Address), "\nsecret", "\nuser gateway\npassword password\nsecret", 1)}
		},
		problem: true, want: []string{"keys_unreadable", "redis_denied"},
	},
	{
		name:    "Redis that is unavailable",
		replace: []string{"#gateway", redisAt("127.0.0.1:1")},
		problem: true, want: []string{"keys_unreadable", "redis_unreachable"},
	},
}

// TestDoctorFindsWhatIsWrong makes one mistake at a time.
func TestDoctorFindsWhatIsWrong(t *testing.T) {
	c := newEnv(t)
	for _, row := range doctorRows {
		t.Run(row.name, func(t *testing.T) {
			here := env{t, c.server, c.signicat}
			replace := row.replace
			if row.arrange != nil {
				replace = append(replace, row.arrange(t, here)...)
			}
			findings, healthy := examine(t, here.file(replace...))
			got := slices.DeleteFunc(named(findings, "warning", "problem"), func(name string) bool { return name == "public_url_local" })
			if diff := cmp.Diff(row.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("it finds (-want +got):\n%s\n%v", diff, findings)
			}
			if healthy == row.problem {
				t.Errorf("healthy: %t", healthy)
			}
			wantOneSentence(t, findings)
		})
	}
}

// wantOneSentence looks for messages that repeat the remedy below them, or end with two full stops.
func wantOneSentence(t *testing.T, findings []finding) {
	t.Helper()
	for _, f := range findings {
		remedy := strings.ToLower(strings.TrimSuffix(f.Remedy, "."))
		if strings.HasSuffix(f.Message, ".") || remedy != "" && strings.Contains(strings.ToLower(f.Message), remedy) {
			t.Errorf("%s: %q, and the remedy is %q", f.Finding, f.Message, f.Remedy)
		}
	}
}

// fails makes the simulator fail until the test ends.
func (c env) fails(t *testing.T, fault signicattest.Fault) []string {
	t.Helper()
	if err := c.signicat.Script(fault); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.signicat.ClearScript)
	return nil
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// signicatAt returns the URL of a simulator whose clock is ahead.
func signicatAt(t *testing.T, ahead time.Duration) string {
	t.Helper()
	simulator, err := signicattest.New(signicattest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		simulator.Handler().ServeHTTP(w, r)
	})
}

func redisAt(address string) string {
	return "store redis {\naddress " + address + "\nsecret 0123456789abcdef0123456789abcdef\n}"
}

// redisThat starts a redis-server with those options.
func redisThat(options ...string) func(*testing.T, env) []string {
	return func(t *testing.T, _ env) []string {
		t.Helper()
		return []string{"#gateway", redisAt(redistest.Start(t, options...).Address)}
	}
}

// redisOf starts a redis-server that a replica with that secret used.
func redisOf(secret string) func(*testing.T, env) []string {
	return func(t *testing.T, _ env) []string {
		t.Helper()
		server := redistest.Start(t)
		st, err := redis.Open(redis.Config{Addresses: []string{server.Address}, Secret: []byte(secret), Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = st.Close() }()
		st.Start()
		if _, err := st.Mark(t.Context()); err != nil {
			t.Fatal(err)
		}
		return []string{"#gateway", redisAt(server.Address)}
	}
}
