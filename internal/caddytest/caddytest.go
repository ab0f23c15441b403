// Package caddytest runs Caddy inside a test. Caddy listens on a free port. Its storage and log are in the
// test's temporary folder. It has no admin endpoint unless the configuration names one.
//
//	server := caddytest.Run(t, `
//		{
//			itsme { ... }
//		}
//		http://{{addr}} {
//			itsme
//			respond "hello"
//		}`)
//	answer, err := server.Client.Get(server.URL + "/")
//
// Caddy has one configuration in a process, so only one test at a time can use this package: such tests do
// not call t.Parallel. A test with several configurations uses [Server.Reload].
package caddytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // every module that a Caddyfile may name

	"github.com/caddy-itsme/caddy-itsme/internal/exampletest"
)

const (
	// Address is replaced in a configuration by the server's host and port.
	Address = "{{addr}}"
	// Port is replaced by the server's port, for sites of other hosts.
	Port = "{{port}}"
	// AdminAddress is replaced by host and port of the admin endpoint. Without it, the endpoint is off.
	AdminAddress = "{{admin}}"
)

// requestTimeout bounds one request of [Server.Client].
const requestTimeout = 30 * time.Second

// Server is a running Caddy.
type Server struct {
	// Addr is the host and port, on a loopback host.
	Addr string
	// URL is Addr with http:// in front.
	URL string
	// AdminURL is the URL of the admin endpoint, if the configuration has [AdminAddress].
	AdminURL string
	// Client makes requests, follows no redirects and keeps no cookies.
	Client *http.Client

	t     testing.TB
	admin string
	dir   string
	adapt func(string) ([]byte, error)
}

// caddyLock is held by the test that uses Caddy's one configuration. No test waits for the lock: waiting
// parallel tests would take the slots that the holder's parallel subtests need.
var caddyLock sync.Mutex

// errBusy is returned while another test uses Caddy.
var errBusy = errors.New("another test uses Caddy at this moment: call t.Parallel in neither")

// Run starts Caddy with a Caddyfile that has [Address] for the server's address. Caddy stops when the test
// ends. A configuration that does not load fails the test.
func Run(t testing.TB, caddyfile string) *Server {
	t.Helper()
	return run(t, caddyfile, Adapt)
}

// RunJSON is Run for a configuration in JSON.
func RunJSON(t testing.TB, config string) *Server {
	t.Helper()
	return run(t, config, func(config string) ([]byte, error) { return []byte(config), nil })
}

func run(t testing.TB, config string, adapt func(string) ([]byte, error)) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir(), adapt: adapt}
	if !caddyLock.TryLock() {
		t.Fatal(errBusy)
	}
	t.Cleanup(caddyLock.Unlock)
	s.Client = &http.Client{
		Transport:     retryAfterReload{&http.Transport{}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       requestTimeout,
	}
	t.Cleanup(s.stop)
	var err error
	// Another process can take a free port before Caddy listens on it. Or it is that of a site of the test.
	for range 3 {
		s.Addr, s.admin = exampletest.FreeAddress(t), exampletest.FreeAddress(t)
		err = s.Reload(config)
		if err == nil || !strings.Contains(err.Error(), "address already in use") && !strings.Contains(err.Error(), "ambiguous site definition") {
			break
		}
	}
	if err != nil {
		t.Fatalf("running Caddy: %v", err)
	}
	s.URL, s.AdminURL = "http://"+s.Addr, "http://"+s.admin
	return s
}

// retryAfterReload repeats a request when its connection ends without a response. Caddy stops the servers of
// the previous configuration in the background: right after a reload, such a server may accept a connection
// and close it.
type retryAfterReload struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (a retryAfterReload) RoundTrip(r *http.Request) (*http.Response, error) {
	const attempts = 3
	for n := 1; ; n++ {
		answer, err := a.Transport.RoundTrip(r)
		closed := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
		if !closed || n == attempts || r.Body != nil {
			return answer, err
		}
	}
}

// Reload replaces the configuration, as caddy reload --force does.
func (s *Server) Reload(config string) error {
	_, port, _ := net.SplitHostPort(s.Addr)
	adapted, err := s.adapt(strings.NewReplacer(Address, s.Addr, Port, port, AdminAddress, s.admin).Replace(config))
	if err != nil {
		return err
	}
	err = caddy.Load(confine(adapted, s.dir), true)
	s.Client.CloseIdleConnections() // they lead to the previous configuration
	return err
}

// Storage returns the folder of Caddy's storage.
func (s *Server) Storage() string { return filepath.Join(s.dir, "storage") }

// Log returns the lines of JSON that Caddy has logged so far, at every level.
func (s *Server) Log() string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, "caddy.log"))
	if err != nil {
		s.t.Fatalf("reading Caddy's log: %v", err)
	}
	return string(data)
}

// Get returns the body of a response of any status.
func (s *Server) Get(t testing.TB, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (s *Server) stop() {
	s.Client.CloseIdleConnections()
	if err := caddy.Stop(); err != nil {
		s.t.Errorf("stopping Caddy: %v", err)
	}
}

// Validate validates a configuration, as caddy validate does. Storage and log are in dir.
func Validate(config []byte, dir string) error {
	if !caddyLock.TryLock() {
		return errBusy
	}
	defer caddyLock.Unlock()
	var loaded caddy.Config
	if err := caddy.StrictUnmarshalJSON(confine(config, dir), &loaded); err != nil {
		return err
	}
	return caddy.Validate(&loaded)
}

// Adapt returns the JSON of a Caddyfile, as caddy adapt does. It ignores warnings.
func Adapt(caddyfile string) ([]byte, error) {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), nil)
	return config, err
}

// confine returns the configuration with storage and log in a folder, with servers on loopback, and without
// an admin endpoint unless it names one.
func confine(config []byte, dir string) []byte {
	var tree map[string]any
	if err := json.Unmarshal(config, &tree); err != nil {
		panic(fmt.Sprintf("caddytest: a configuration is no JSON object: %v", err))
	}
	admin := member(tree, "admin")
	admin["disabled"] = admin["listen"] == nil
	admin["config"] = map[string]any{"persist": false}
	tree["storage"] = map[string]any{"module": "file_system", "root": filepath.Join(dir, "storage")}
	log := member(member(member(tree, "logging"), "logs"), "default")
	log["writer"] = map[string]any{"output": "file", "filename": filepath.Join(dir, "caddy.log"), "roll": false}
	log["encoder"] = map[string]any{"format": "json"}
	log["level"] = "DEBUG"
	for _, server := range member(member(member(tree, "apps"), "http"), "servers") {
		onLoopback(server.(map[string]any))
	}
	confined, err := json.Marshal(tree)
	if err != nil {
		panic(fmt.Sprintf("caddytest: marshaling a configuration: %v", err))
	}
	return confined
}

// member returns the object of that name. It makes the object if there is none.
func member(tree map[string]any, name string) map[string]any {
	child, ok := tree[name].(map[string]any)
	if !ok {
		child = make(map[string]any)
		tree[name] = child
	}
	return child
}

// Listen listens on a free port of loopback until the test ends.
func Listen(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// onLoopback makes a server that listens on all addresses listen on loopback.
func onLoopback(server map[string]any) {
	addresses, _ := server["listen"].([]any)
	for i, address := range addresses {
		if port, all := strings.CutPrefix(address.(string), ":"); all {
			addresses[i] = "127.0.0.1:" + port
		}
	}
}
