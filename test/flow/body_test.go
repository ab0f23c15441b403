package flow_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/pipetest"
)

// patience is how long a client waits for a server before the test fails.
const patience = time.Minute

// serve serves the site over HTTP/1.1 and HTTP/2. change wraps the handler.
func (e *env) serve(t *testing.T, change func(http.Handler) http.Handler) *pipetest.Network {
	t.Helper()
	upstream := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	wire := pipetest.New()
	// ReadTimeout is read_body in Caddy. It must not end a body that is in time, and no long poll.
	server := &http.Server{Handler: change(e.Site.Handler(upstream)), Protocols: new(http.Protocols), ReadTimeout: 20 * time.Second}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = server.Serve(wire) }()
	t.Cleanup(func() { _ = server.Close() })
	return wire
}

func unchanged(h http.Handler) http.Handler { return h }

// withoutDeadlines hides every method of the server's ResponseWriter but the three of the interface.
func withoutDeadlines(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
	})
}

// slowBody is a body that sends one byte every half second.
type slowBody struct{ left int }

func (b *slowBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	b.left--
	<-time.After(time.Second / 2)
	return copy(p, "x"), nil
}

// slowRequests are requests that the gateway answers itself, and the status when their body is slow.
var slowRequests = map[string]struct {
	method, path, mediaType string
	want                    int
}{
	"a start":                      {http.MethodPost, logintest.Path + "/sessions", "application/json", http.StatusRequestTimeout},
	"a finish":                     {http.MethodPost, logintest.Path + "/token", "application/x-www-form-urlencoded", http.StatusRequestTimeout},
	"a revocation":                 {http.MethodPost, logintest.Path + "/revoke", "application/x-www-form-urlencoded", http.StatusRequestTimeout},
	"a body that nothing reads":    {http.MethodGet, logintest.Path + "/health/live", "", http.StatusOK},
	"a method that is not allowed": {http.MethodPut, logintest.Path + "/token", "", http.StatusMethodNotAllowed},
	"another media type":           {http.MethodPost, logintest.Path + "/token", "text/plain", http.StatusUnsupportedMediaType},
	"a path of no endpoint":        {http.MethodPost, logintest.Path + "/nosuch", "", http.StatusNotFound},
	"a request without a login":    {http.MethodPost, "/api", "", http.StatusUnauthorized},
}

// TestSlowBodyHoldsNoConnection has an attacker hold 300 connections with bodies that arrive one byte every
// half second. The gateway answers or closes each connection after bodyTimeout, at every endpoint, whether the
// endpoint reads the body or not.
func TestSlowBodyHoldsNoConnection(t *testing.T) {
	t.Parallel()
	for name, row := range slowRequests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				wire := e.serve(t, unchanged)
				var clients sync.WaitGroup
				for range 300 {
					clients.Go(func() {
						status, took := slowOverHTTP1(t, wire, row.method, row.path, row.mediaType)
						if status != row.want || took < bodyTimeout || took > bodyTimeout+time.Second {
							t.Errorf("answered with %d after %s, want %d after %s", status, took, row.want, bodyTimeout)
						}
					})
				}
				clients.Wait()
			})
		})
	}
}

// slowOverHTTP1 sends a request with a body that takes 100 s. It returns the status of the answer and the time
// until the server closed the connection.
func slowOverHTTP1(t *testing.T, wire *pipetest.Network, method, path, mediaType string) (status int, took time.Duration) {
	t.Helper()
	conn, err := wire.Dial(t.Context(), "", "")
	if err != nil {
		t.Error(err)
		return 0, 0
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Error(err)
		return 0, 0
	}
	var sender sync.WaitGroup
	defer sender.Wait()
	defer func() { _ = conn.Close() }()
	sender.Go(func() {
		_, _ = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:1\r\nContent-Type: %s\r\nContent-Length: 200\r\n\r\n", method, path, mediaType)
		_, _ = io.Copy(conn, &slowBody{200}) // until the server hangs up
	})
	began, in := time.Now(), bufio.NewReader(conn)
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Errorf("reading the answer: %v", err)
		return 0, 0
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	if _, err := in.ReadByte(); err == nil {
		t.Error("the connection goes on")
	}
	return answer.StatusCode, time.Since(began)
}

// TestSlowBodyHoldsNoStream is TestSlowBodyHoldsNoConnection over HTTP/2. The stream ends and the connection
// stays open. An endpoint that reads no body answers at once.
func TestSlowBodyHoldsNoStream(t *testing.T) {
	t.Parallel()
	for name, row := range slowRequests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				got, took := slowOverHTTP2(t, e.serve(t, unchanged), row.method, row.path, row.mediaType)
				want := time.Duration(0)
				if row.want == http.StatusRequestTimeout {
					want = bodyTimeout
				}
				if got != row.want || took < want || took > want+time.Second {
					t.Errorf("answered with %d after %s, want %d after %s", got, took, row.want, want)
				}
			})
		})
	}
}

func slowOverHTTP2(t *testing.T, wire *pipetest.Network, method, path, mediaType string) (status int, took time.Duration) {
	t.Helper()
	transport := &http.Transport{DialContext: wire.Dial, Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer pass(time.Second) // the client is still reading its own body
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, publicURL+path, &slowBody{200})
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", mediaType)
	began := time.Now()
	answer, err := transport.RoundTrip(r)
	if err != nil {
		t.Error(err)
		return 0, 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode, time.Since(began)
}

// TestSlowBodyIsRefusedWithoutDeadlines has a handler in front hide the deadlines of the server. The gateway
// then bounds the body itself.
func TestSlowBodyIsRefusedWithoutDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		got, took := slowOverHTTP2(t, e.serve(t, withoutDeadlines), http.MethodPost, logintest.Path+"/sessions", "application/json")
		if got != http.StatusRequestTimeout || took < bodyTimeout || took > bodyTimeout+time.Second {
			t.Errorf("answered with %d after %s", got, took)
		}
	})
}

// TestBodyWithinItsTimeIsRead sends two bodies of 9 s on one connection, and a long poll after them. The
// deadline of a body ends with the body.
func TestBodyWithinItsTimeIsRead(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		for name, change := range map[string]func(http.Handler) http.Handler{"": unchanged, " without deadlines": withoutDeadlines} {
			t.Run(protocol+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					e := newEnv(t)
					wire := e.serve(t, change)
					transport := &http.Transport{DialContext: wire.Dial, Protocols: new(http.Protocols), MaxConnsPerHost: 1}
					transport.Protocols.SetHTTP1(protocol == "HTTP/1.1")
					transport.Protocols.SetUnencryptedHTTP2(protocol == "HTTP/2.0")
					defer transport.CloseIdleConnections()
					send := func(method, path string, body io.Reader) (int, string) {
						t.Helper()
						r, err := http.NewRequestWithContext(t.Context(), method, publicURL+logintest.Path+path, body)
						if err != nil {
							t.Fatal(err)
						}
						r.Header.Set("Content-Type", "application/json")
						answer, err := transport.RoundTrip(r)
						if err != nil {
							t.Fatal(err)
						}
						defer func() { _ = answer.Body.Close() }()
						text, err := io.ReadAll(answer.Body)
						if err != nil || answer.Proto != protocol {
							t.Fatalf("%s: %v", answer.Proto, err)
						}
						return answer.StatusCode, string(text)
					}
					for range 2 {
						end := strings.NewReader(`{"code_challenge":"` + strings.Repeat("c", 43) + `"}`)
						slow := io.MultiReader(&slowBlanks{slowBody{18}}, end)
						if status, text := send(http.MethodPost, "/sessions", slow); status != http.StatusCreated {
							t.Fatalf("a body of 9 s: %d %s", status, text)
						}
					}
					a := e.newApp()
					a.start()
					began := time.Now()
					status, text := send(http.MethodGet, "/sessions/"+a.sessionID+"?wait=25s", nil)
					if status != http.StatusOK || time.Since(began) != 25*time.Second {
						t.Errorf("a long poll: %d %s after %s", status, text, time.Since(began))
					}
				})
			})
		}
	}
}

// slowBlanks is a slowBody of blanks, which may stand before JSON.
type slowBlanks struct{ slowBody }

func (b *slowBlanks) Read(p []byte) (int, error) {
	n, err := b.slowBody.Read(p)
	copy(p[:n], " ")
	return n, err
}
