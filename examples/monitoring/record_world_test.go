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

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// world is a Caddy with a gateway, its Redis and its Signicat, and users who log in all the time.
type world struct {
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

func openWorld(t *testing.T, program string, o outage) *world {
	t.Helper()
	w := &world{t: t, public: "http://" + freeAddress(t), admin: "http://" + freeAddress(t), redisAt: freeAddress(t)}
	w.startRedis()
	t.Cleanup(w.killRedis)
	w.openSignicat()
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	config := fmt.Sprintf(recordedCaddyfile, strings.TrimPrefix(w.admin, "http://"), dir, w.public,
		signicattest.DefaultClientID, signicattest.DefaultClientSecret, w.simulator.URL, w.redisAt, w.public)
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
	w.awaitReady()
	go w.logIn(o.pause)
	return w
}

func (w *world) awaitReady() {
	for range 600 {
		if answer, err := http.Get(w.public + "/itsme/health/ready"); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		<-time.After(100 * time.Millisecond)
	}
	w.t.Fatal("Caddy is not ready")
}

// openSignicat starts the simulator behind a handler that an outage replaces.
func (w *world) openSignicat() {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.signicat.Load().(http.HandlerFunc)(rw, r)
	}))
	w.t.Cleanup(server.CloseClientConnections)
	w.config = signicattest.Config{
		BaseURL: server.URL, AllowLoopbackHTTP: true, AccessTokenLifetime: 5 * time.Minute,
		RedirectURLs: []string{w.public + "/itsme/callback", w.public + "/itsme/app/callback"},
	}
	w.simulator = w.newSimulator(w.config)
	w.unavailable = func(rw http.ResponseWriter, _ *http.Request) {
		http.Error(rw, "maintenance", http.StatusServiceUnavailable)
	}
	w.silent = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	w.heal()
}

func (w *world) newSimulator(c signicattest.Config) *signicattest.Server {
	sim, err := signicattest.New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(sim.Close)
	return sim
}

func (w *world) heal() { w.signicat.Store(http.HandlerFunc(w.simulator.Handler().ServeHTTP)) }

// otherSecret is a Signicat that knows another secret of the API client, and none of the access tokens.
func (w *world) otherSecret(status int) {
	c := w.config
	c.ClientSecret, c.Switches.InvalidClientStatus = "another secret", status
	w.signicat.Store(http.HandlerFunc(w.newSimulator(c).Handler().ServeHTTP))
}

func (w *world) startRedis() {
	_, port, _ := net.SplitHostPort(w.redisAt)
	w.redis = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", w.t.TempDir())
	if err := w.redis.Start(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) killRedis() {
	_ = w.redis.Process.Kill()
	_ = w.redis.Wait()
}

func (w *world) hangRedis() { _ = w.redis.Process.Signal(syscall.SIGSTOP) }
func (w *world) wakeRedis() { _ = w.redis.Process.Signal(syscall.SIGCONT) }

func (w *world) redisCLI(args ...string) {
	_, port, _ := net.SplitHostPort(w.redisAt)
	if out, err := exec.Command("redis-cli", append([]string{"-p", port}, args...)...).CombinedOutput(); err != nil {
		w.t.Errorf("redis-cli: %v\n%s", err, out)
	}
}

// logIn lets users log in until the test ends: of ten, seven finish in an app and one in a browser, one
// gives up, and one says no. Of thirty, one phone opens a browser although the app link works.
func (w *world) logIn(pause time.Duration) {
	if pause == 0 {
		pause = 2 * time.Second
	}
	for n := 0; w.t.Context().Err() == nil; n++ {
		go w.oneLogin(n)
		<-time.After(pause)
	}
}

func (w *world) oneLogin(n int) {
	verifier := rand.Text() + rand.Text()
	switch {
	case n%10 == 0:
		w.browserLogin()
	case n%10 == 1:
		w.start(verifier) // and gives up
	default:
		w.appLogin(n, verifier)
	}
}

func (w *world) appLogin(n int, verifier string) {
	link := w.start(verifier)
	if link == "" {
		return
	}
	if n%10 == 2 {
		if back, err := w.simulator.Refuse(link); err == nil && w.brokenLinks.Load() {
			w.get(http.DefaultClient, back)
		}
		return
	}
	back, err := w.simulator.Approve(link, "adult")
	if err != nil {
		return
	}
	if w.brokenLinks.Load() || n%30 == 3 {
		w.get(http.DefaultClient, back)
		return
	}
	u, _ := url.Parse(back)
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")}, "state": {u.Query().Get("state")}, "code_verifier": {verifier},
	}
	for range 10 { // an app asks again while the answer is 503
		answer, err := http.PostForm(w.public+"/itsme/token", form)
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

// start starts a login of an app. It returns the link to itsme, or nothing.
func (w *world) start(verifier string) (link string) {
	sum := sha256.Sum256([]byte(verifier))
	body := `{"code_challenge":"` + base64.RawURLEncoding.EncodeToString(sum[:]) + `"}`
	answer, err := http.Post(w.public+"/itsme/sessions", "application/json", strings.NewReader(body))
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

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// browserLogin logs in through the pages.
func (w *world) browserLogin() {
	jar, _ := cookiejar.New(nil) // never fails
	client := &http.Client{Jar: jar}
	w.get(client, w.public+"/itsme/login")
	form, err := http.NewRequest(http.MethodPost, w.public+"/itsme/login", nil)
	if err != nil {
		w.t.Error(err)
		return
	}
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	form.Header.Set("Origin", w.public)
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
	back, err := w.simulator.Approve(html.UnescapeString(string(found[1])), "adult")
	if err == nil {
		w.get(client, back)
	}
}

func (w *world) get(client *http.Client, target string) {
	if answer, err := client.Get(target); err == nil {
		_ = answer.Body.Close()
	}
}
