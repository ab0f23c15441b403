package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// program is a running simulator.
type program struct {
	api, management string
	announced       string
	exit            chan int
}

// startProgram runs the program on free ports until the test ends, and waits for its last line.
func startProgram(t *testing.T, args ...string) program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	p := program{exit: make(chan int, 1)}
	var stderr bytes.Buffer
	go func() {
		p.exit <- run(ctx, append([]string{"-listen", "127.0.0.1:0", "-management", "127.0.0.1:0"}, args...), write, &stderr)
		_ = write.Close()
	}()
	last := signicattest.NotSimulated()[len(signicattest.NotSimulated())-1]
	for lines := bufio.NewScanner(read); lines.Scan(); {
		p.announced += lines.Text() + "\n"
		if strings.Contains(lines.Text(), last) {
			break
		}
	}
	t.Cleanup(func() {
		cancel()
		if code := <-p.exit; code != 0 {
			t.Errorf("exit status %d: %s", code, stderr.String())
		}
	})
	p.api = p.field(`API +(\S+)`)
	p.management = p.field(`management +(\S+)`)
	if p.api == "" {
		t.Fatalf("no API in %q", p.announced)
	}
	return p
}

func (p program) field(pattern string) string {
	m := regexp.MustCompile(pattern).FindStringSubmatch(p.announced)
	if m == nil {
		return ""
	}
	return m[1]
}

func get(t *testing.T, method, target, body string, header http.Header) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(b)
}

func TestServes(t *testing.T) {
	t.Parallel()
	p := startProgram(t, "-seed", "42", "-client-secret", "not-the-default", "-redirect-url", "http://127.0.0.1:9/a",
		"-redirect-url", "https://app.example.be/b", "-allow-loopback-http", "-validation-status", "204", "-waiting-hidden")
	for _, want := range []string{
		"It identifies no user", "seed           42", "http://127.0.0.1:9/a https://app.example.be/b", "sandbox-demo-client-000 (as given)", "Not simulated:",
		"  switch         validation-status 204\n  switch         waiting-hidden true\n",
	} {
		if !strings.Contains(p.announced, want) {
			t.Errorf("the announcement lacks %q:\n%s", want, p.announced)
		}
	}
	if strings.Contains(p.announced, "not-the-default") {
		t.Error("the secret was printed")
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {"signicat-api"},
		"client_id": {signicattest.DefaultClientID}, "client_secret": {"not-the-default"},
	}
	if status, body := get(t, http.MethodPost, p.api+"/auth/open/connect/token", form.Encode(), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}); status != http.StatusOK {
		t.Errorf("access token: %d %s", status, body)
	}
	if status, body := get(t, http.MethodGet, p.management+"/switches", "", nil); status != http.StatusOK || !strings.Contains(body, `"form":"204"`) {
		t.Errorf("management: %d %s", status, body)
	}
}

// TestListensOnNamesOfThisMachine: names such as localhost are loopback addresses, whatever a resolver returns.
func TestListensOnNamesOfThisMachine(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"localhost:0", "sim.localhost:0", "[::1]:0", "127.0.0.1:0"} {
		s, err := parse([]string{"-listen", address}, io.Discard)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		l, err := listen("listen", s.listen)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if !l.Addr().(*net.TCPAddr).IP.IsLoopback() {
			t.Errorf("%s listens on %s", address, l.Addr())
		}
		_ = l.Close()
	}
}

func TestServesWithDefaults(t *testing.T) {
	t.Parallel()
	p := startProgram(t, "-management", "off")
	if p.management != "" || !strings.Contains(p.announced, signicattest.DefaultClientSecret) || !strings.Contains(p.announced, signicattest.DefaultRedirectURL) {
		t.Errorf("%s", p.announced)
	}
	if status, _ := get(t, http.MethodGet, p.api+"/v2/authorization", "", nil); status != http.StatusBadRequest {
		t.Errorf("the page without parameters: %d", status)
	}
}

// TestServesTLS trusts the certificate that the program wrote, as a gateway does with SSL_CERT_FILE.
func TestServesTLS(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "authority.pem")
	p := startProgram(t, "-tls", file)
	if !strings.HasPrefix(p.api, "https://") || p.field(`authority +(\S+)`) != file {
		t.Errorf("%s", p.announced)
	}
	certificate, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(certificate) {
		t.Fatalf("no certificate in %q", certificate)
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, DisableKeepAlives: true}}
	r, err := client.Get(p.api + "/v2/authorization")
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.ProtoMajor != 2 || r.StatusCode != http.StatusBadRequest {
		t.Errorf("%s %d", r.Proto, r.StatusCode)
	}
	if status, _ := get(t, http.MethodGet, p.management+"/switches", "", nil); status != http.StatusOK {
		t.Errorf("management: %d", status)
	}
}

// TestShutdownEndsDelays stops the program while a scripted delay would go on for an hour.
func TestShutdownEndsDelays(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := parse([]string{"-listen", "127.0.0.1:0", "-management", "off"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	sim, err := signicattest.New(s.config)
	if err != nil {
		t.Fatal(err)
	}
	l, err := listen("listen", s.listen)
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.Script(signicattest.Fault{Operation: signicattest.OperationUnknown, Delay: 1 << 60}); err != nil {
		t.Fatal(err)
	}
	arrived := make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		sim.Handler().ServeHTTP(w, r)
	})
	done := make(chan error)
	go func() { done <- serveAll(ctx, sim, []*http.Server{{Handler: handler}}, []net.Listener{l}) }()
	lost := make(chan error)
	go func() {
		r, err := http.Get("http://" + l.Addr().String() + "/")
		if err == nil {
			_ = r.Body.Close()
		}
		lost <- err
	}()
	<-arrived
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := <-lost; err == nil {
		t.Error("an answer came")
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() }) // after the subtests, which run beside each other
	used := taken.Addr().String()
	for name, test := range map[string]struct {
		args []string
		code int
		want string // in standard error
	}{
		"help":                        {[]string{"-help"}, 0, "POST /sessions/{id}/approve"},
		"an unknown flag":             {[]string{"-port", "1"}, 2, "flag provided but not defined: -port"},
		"an argument":                 {[]string{"start"}, 2, `unexpected argument "start"`},
		"a network":                   {[]string{"-listen", "0.0.0.0:0"}, 2, "-listen 0.0.0.0:0: not a loopback address; -insecure-listen-anywhere allows it"},
		"every network":               {[]string{"-listen", ":0"}, 2, "not a loopback address"},
		"management on a network":     {[]string{"-management", "[::]:0"}, 2, "-management [::]:0: not a loopback address"},
		"no port":                     {[]string{"-listen", "127.0.0.1"}, 2, "not host:port"},
		"API without a listener":      {[]string{"-listen", "off"}, 2, "not host:port"},
		"an unknown form":             {[]string{"-state-encoding", "base64"}, 2, "state-encoding takes raw or encoded or either"},
		"a redirect URL on http":      {[]string{"-listen", "127.0.0.1:0", "-redirect-url", "http://127.0.0.1/"}, 1, "RedirectURLs: http://127.0.0.1/: must begin with https; AllowLoopbackHTTP, -allow-loopback-http"},
		"another's on http":           {[]string{"-listen", "127.0.0.1:0", "-redirect-url", "http://app.example.be/"}, 1, "RedirectURLs: http://app.example.be/: must begin with https\n"},
		"a port in use":               {[]string{"-listen", used}, 1, "signicat-sim: -listen " + used + ": the port is in use; stop the program that uses it, or choose another address\n"},
		"a management port in use":    {[]string{"-listen", "127.0.0.1:0", "-management", used}, 1, "signicat-sim: -management " + used + ": the port is in use"},
		"a port that does not exist":  {[]string{"-listen", "127.0.0.1:99999"}, 1, "-listen 127.0.0.1:99999: "},
		"a file in no folder":         {[]string{"-listen", "127.0.0.1:0", "-tls", "/nowhere/authority.pem"}, 1, "signicat-sim: -tls /nowhere/authority.pem: "},
		"http with TLS":               {[]string{"-listen", "127.0.0.1:0", "-tls", "authority.pem", "-base-url", "http://127.0.0.1:1"}, 1, "BaseURL: must begin with https"},
		"a lifetime that is too long": {[]string{"-listen", "127.0.0.1:0", "-access-token-lifetime", "2h"}, 1, "AccessTokenLifetime"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), test.args, &stdout, &stderr); code != test.code {
				t.Errorf("exit status %d, want %d", code, test.code)
			}
			if !strings.Contains(stderr.String(), test.want) || stdout.Len() > 0 {
				t.Errorf("standard error %q, standard output %q", stderr.String(), stdout.String())
			}
			if test.code == 1 && strings.Count(stderr.String(), "\n") != 1 {
				t.Errorf("not one line: %q", stderr.String())
			}
		})
	}
}

// TestHelpIsComplete compares the help with its tables.
func TestHelpIsComplete(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	run(t.Context(), []string{"-h"}, io.Discard, &stderr)
	for _, w := range signicattest.AllSwitches() {
		if !strings.Contains(stderr.String(), "  -"+w.Name) {
			t.Errorf("the help lacks %s", w.Name)
		}
	}
	for _, n := range signicattest.NotSimulated() {
		if !strings.Contains(stderr.String(), n) {
			t.Errorf("the help lacks %q", n)
		}
	}
}

func TestListenAnywhere(t *testing.T) {
	t.Parallel()
	s, err := parse([]string{"-insecure-listen-anywhere", "-listen", "0.0.0.0:1", "-management", ":2"}, io.Discard)
	if err != nil || s.listen != "0.0.0.0:1" {
		t.Errorf("%+v: %v", s, err)
	}
	if got := s.config.URLAt(&net.TCPAddr{IP: net.IPv4zero, Port: 1}); got != "" {
		t.Errorf("base URL %q", got)
	}
}
