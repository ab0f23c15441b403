package caddytest_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
)

func answer(t *testing.T, s *caddytest.Server) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestRunAndReload(t *testing.T) {
	s := caddytest.Run(t, "http://{{addr}} {\n\trespond one\n}")
	if got := answer(t, s); got != "one" {
		t.Errorf("the first configuration answers %q", got)
	}
	if err := s.Reload("http://{{addr}} {\n\trespond two\n}"); err != nil {
		t.Fatal(err)
	}
	if got := answer(t, s); got != "two" {
		t.Errorf("the second configuration answers %q", got)
	}
	if err := s.Reload("http://{{addr}} {\n\tnonsense\n}"); err == nil {
		t.Error("nonsense is accepted")
	}
	if got := answer(t, s); got != "two" {
		t.Errorf("after a configuration that does not load it answers %q", got)
	}
	if !strings.Contains(s.Log(), `"level":"info"`) {
		t.Error("nothing is logged")
	}
}

// TestStorageIsTheTests has Caddy write to its storage, as a certificate authority of its own does.
func TestStorageIsTheTests(t *testing.T) {
	s := caddytest.Run(t, "{\n\tskip_install_trust\n\tpki {\n\t\tca\n\t}\n}\nhttp://{{addr}} {\n\trespond one\n}")
	if entries, err := os.ReadDir(s.Storage()); err != nil || len(entries) == 0 {
		t.Errorf("storage holds %v, and is elsewhere: %v", entries, err)
	}
}

func TestRunJSON(t *testing.T) {
	s := caddytest.RunJSON(t, `{"apps":{"http":{"servers":{"s":{"listen":["{{addr}}"],
		"routes":[{"handle":[{"handler":"static_response","body":"json"}]}]}}}}}`)
	if got := answer(t, s); got != "json" {
		t.Errorf("it answers %q", got)
	}
}

// TestValidateStartsNothing looks for a server where the configuration has one.
func TestValidateStartsNothing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	config, err := caddytest.Adapt("http://" + addr + " {\n\trespond one\n}")
	if err != nil {
		t.Fatal(err)
	}
	if err := caddytest.Validate(config, t.TempDir()); err != nil {
		t.Errorf("validating: %v", err)
	}
	if conn, err := net.Dial("tcp", addr); err == nil {
		_ = conn.Close()
		t.Error("a server was started")
	}
}
