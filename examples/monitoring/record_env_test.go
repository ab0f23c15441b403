//go:build record

package monitoring_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/exampletest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// env is a Caddy with a gateway, its Redis and its simulator, and users who log in continuously.
type env struct {
	t           *testing.T
	public      string // public_url
	admin       string
	redisAt     string
	redis       *exec.Cmd
	config      signicattest.Config
	simulator   *signicattest.Server
	signicat    atomic.Value // an http.HandlerFunc
	unavailable http.HandlerFunc
	silent      http.HandlerFunc
	brokenLinks atomic.Bool // the phone opens a browser instead of the app
}

const recordedCaddyfile = `{
	admin %s
	persist_config off
	storage_clean_interval off
	default_bind 127.0.0.1
	storage file_system %s
	itsme {
		public_url %s
		signicat {
			client_id %s
			client_secret %s
			api_url %s
			timeout 3s
		}
		attributes name
		limit {
			sessions_per_client 100000 1s
			token_per_client 100000 1s
			pending_per_client 100000
		}
		store redis {
			address %s
			secret 0123456789abcdef0123456789abcdef
		}
	}
}

%s {
	itsme
	respond "upstream"
}
`

func newEnv(t *testing.T, program string, o outage) *env {
	t.Helper()
	e := &env{t: t, public: "http://" + exampletest.FreeAddress(t), admin: "http://" + exampletest.FreeAddress(t), redisAt: exampletest.FreeAddress(t)}
	e.startRedis()
	t.Cleanup(e.killRedis)
	e.openSignicat()
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	config := fmt.Sprintf(recordedCaddyfile, strings.TrimPrefix(e.admin, "http://"), dir, e.public,
		signicattest.DefaultClientID, signicattest.DefaultClientSecret, e.simulator.URL, e.redisAt, e.public)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	caddy := exec.Command(program, "run", "--config", file, "--adapter", "caddyfile")
	caddy.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME=", "XDG_DATA_HOME=", "SOAK_CLOCK_AHEAD="+o.ahead.String())
	caddy.Stderr = log
	if err := caddy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = caddy.Process.Kill()
		_ = caddy.Wait()
		if text, _ := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("Caddy:\n%s", text)
		}
	})
	e.awaitReady()
	go e.logIn(o.pause)
	return e
}

func (e *env) awaitReady() {
	for range 600 {
		if answer, err := http.Get(e.public + "/itsme/health/ready"); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		<-time.After(100 * time.Millisecond)
	}
	e.t.Fatal("Caddy is not ready")
}

// openSignicat starts the simulator behind a handler that an outage replaces.
func (e *env) openSignicat() {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		e.signicat.Load().(http.HandlerFunc)(rw, r)
	}))
	e.t.Cleanup(server.CloseClientConnections)
	e.config = signicattest.Config{
		BaseURL: server.URL, AllowLoopbackHTTP: true, AccessTokenLifetime: 5 * time.Minute,
		RedirectURLs: []string{e.public + "/itsme/callback", e.public + "/itsme/app/callback"},
	}
	e.simulator = e.newSimulator(e.config)
	e.unavailable = func(rw http.ResponseWriter, _ *http.Request) {
		http.Error(rw, "maintenance", http.StatusServiceUnavailable)
	}
	e.silent = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	e.heal()
}

func (e *env) newSimulator(c signicattest.Config) *signicattest.Server {
	sim, err := signicattest.New(c)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(sim.Close)
	return sim
}

func (e *env) heal() { e.signicat.Store(http.HandlerFunc(e.simulator.Handler().ServeHTTP)) }

// otherSecret changes the secret of the API client at Signicat, and makes its access tokens invalid.
func (e *env) otherSecret(status int) {
	c := e.config
	c.ClientSecret, c.Switches.InvalidClientStatus = "another secret", status
	e.signicat.Store(http.HandlerFunc(e.newSimulator(c).Handler().ServeHTTP))
}

func (e *env) startRedis() {
	_, port, _ := net.SplitHostPort(e.redisAt)
	e.redis = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", e.t.TempDir())
	if err := e.redis.Start(); err != nil {
		e.t.Fatal(err)
	}
}

func (e *env) killRedis() {
	_ = e.redis.Process.Kill()
	_ = e.redis.Wait()
}

func (e *env) hangRedis() { _ = e.redis.Process.Signal(syscall.SIGSTOP) }
func (e *env) wakeRedis() { _ = e.redis.Process.Signal(syscall.SIGCONT) }

func (e *env) redisCLI(args ...string) {
	_, port, _ := net.SplitHostPort(e.redisAt)
	if out, err := exec.Command("redis-cli", append([]string{"-p", port}, args...)...).CombinedOutput(); err != nil {
		e.t.Errorf("redis-cli: %v\n%s", err, out)
	}
}

// logIn makes users log in until the test ends. Of ten, seven finish in an app and one in a browser, one gives
// up, and one refuses. Of thirty phones, one opens a browser although the app link works.
func (e *env) logIn(pause time.Duration) {
	if pause == 0 {
		pause = 2 * time.Second
	}
	for n := 0; e.t.Context().Err() == nil; n++ {
		go e.oneLogin(n)
		<-time.After(pause)
	}
}

func (e *env) oneLogin(n int) {
	verifier := rand.Text() + rand.Text()
	switch {
	case n%10 == 0:
		e.browserLogin()
	case n%10 == 1:
		e.start(verifier) // and gives up
	default:
		e.appLogin(n, verifier)
	}
}

func (e *env) appLogin(n int, verifier string) {
	link := e.start(verifier)
	if link == "" {
		return
	}
	if n%10 == 2 {
		if back, err := e.simulator.Refuse(link); err == nil && e.brokenLinks.Load() {
			e.get(http.DefaultClient, back)
		}
		return
	}
	back, err := e.simulator.Approve(link, "adult")
	if err != nil {
		return
	}
	if e.brokenLinks.Load() || n%30 == 3 {
		e.get(http.DefaultClient, back)
		return
	}
	u, _ := url.Parse(back)
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")}, "state": {u.Query().Get("state")}, "code_verifier": {verifier},
	}
	for range 10 { // an app asks again while the answer is 503
		answer, err := http.PostForm(e.public+"/itsme/token", form)
		if err != nil {
			return
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusServiceUnavailable {
			return
		}
		<-time.After(5 * time.Second)
	}
}

// start starts a login of an app. It returns the link to itsme, empty on failure.
func (e *env) start(verifier string) (link string) {
	sum := sha256.Sum256([]byte(verifier))
	body := `{"code_challenge":"` + base64.RawURLEncoding.EncodeToString(sum[:]) + `"}`
	answer, err := http.Post(e.public+"/itsme/sessions", "application/json", strings.NewReader(body))
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	var started struct {
		Link string `json:"authorization_request_url"`
	}
	_ = json.NewDecoder(answer.Body).Decode(&started) // an error has no link
	return started.Link
}

var button = regexp.MustCompile(`class="action" href="([^"]+)"`)

// browserLogin logs in through the pages.
func (e *env) browserLogin() {
	jar, _ := cookiejar.New(nil) // never fails
	client := &http.Client{Jar: jar}
	e.get(client, e.public+"/itsme/login")
	form, err := http.NewRequest(http.MethodPost, e.public+"/itsme/login", nil)
	if err != nil {
		e.t.Error(err)
		return
	}
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	form.Header.Set("Origin", e.public)
	page, err := client.Do(form)
	if err != nil {
		return
	}
	defer page.Body.Close()
	body, _ := io.ReadAll(page.Body)
	found := button.FindSubmatch(body)
	if found == nil {
		return
	}
	back, err := e.simulator.Approve(html.UnescapeString(string(found[1])), "adult")
	if err == nil {
		e.get(client, back)
	}
}

func (e *env) get(client *http.Client, target string) {
	if answer, err := client.Get(target); err == nil {
		_ = answer.Body.Close()
	}
}
