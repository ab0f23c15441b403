package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
)

// wire serves a site in front of a handler, and returns the address.
func wire(t *testing.T, e *env, next http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(e.site.Handler(next))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// ask is a request of a browser as it goes over the wire.
func ask(cookie string, lines ...string) string {
	return "GET / HTTP/1.1\r\nHost: app.example.be\r\nConnection: close\r\nCookie: " + cookie + "\r\n" + strings.Join(lines, "") + "\r\n"
}

// client speaks one of the two versions of HTTP, without TLS.
func client(t *testing.T, http2 bool) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(!http2)
	transport.Protocols.SetUnencryptedHTTP2(http2)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// get asks for the page of a browser whose cookie is to be renewed.
func get(t *testing.T, ctx context.Context, c *http.Client, addr, cookie string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "app.example.be"
	r.Header.Set("Cookie", cookie)
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

// TestInformationalAnswersCarryNoCookie sends two early hints before an answer, over both versions of HTTP.
// Some caches store the header of a 1xx with the answer.
func TestInformationalAnswersCarryNoCookie(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, sent := dueForRenewal(t)
			addr := wire(t, e, func(w http.ResponseWriter, _ *http.Request) {
				h := w.Header()
				h.Set("Set-Cookie", "theme=dark")
				h.Set("Cache-Control", "public")
				h.Set("Link", "</a.css>; rel=preload")
				h.Set("X-Itsme-Subject", "1")
				w.WriteHeader(http.StatusEarlyHints)
				w.WriteHeader(http.StatusEarlyHints)
				_, _ = io.WriteString(w, "page")
			})
			var hints []http.Header
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
				if code != http.StatusEarlyHints {
					return errors.New("another 1xx")
				}
				hints = append(hints, http.Header(h).Clone())
				return nil
			}})
			answer := get(t, ctx, client(t, http2), addr, sent.Header.Get("Cookie"))
			if len(hints) != 2 {
				t.Fatalf("%d hints", len(hints))
			}
			for _, h := range hints {
				if h.Get("Link") == "" || h.Get("Set-Cookie") != "" || h.Get("X-Itsme-Subject") != "" {
					t.Errorf("a hint: %v", h)
				}
			}
			if c := answer.Header["Set-Cookie"]; len(c) != 2 || c[0] != "theme=dark" || answer.Header.Get("Cache-Control") != "private" {
				t.Errorf("the answer: %v", answer.Header)
			}
		})
	}
}

// TestTrailersReachTheClient sends announced and unannounced trailers. The gateway refuses some of them.
func TestTrailersReachTheClient(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, sent := dueForRenewal(t)
			addr := wire(t, e, func(w http.ResponseWriter, _ *http.Request) {
				h := w.Header()
				h.Set("Trailer", "X-Sum, X-Itsme-Nin")
				_, _ = io.WriteString(w, "page")
				h.Set("X-Sum", "1")
				h.Set("X-Itsme-Nin", "2")
				h.Set(http.TrailerPrefix+"Grpc-Status", "0")
				h.Set(http.TrailerPrefix+"X-Itsme-Name", "3")
				h.Set(http.TrailerPrefix+"Set-Cookie", "__Host-itsme=evil")
			})
			answer := get(t, t.Context(), client(t, http2), addr, sent.Header.Get("Cookie"))
			if _, err := io.Copy(io.Discard, answer.Body); err != nil {
				t.Fatal(err)
			}
			want := http.Header{"X-Sum": {"1"}, "X-Itsme-Nin": nil, "Grpc-Status": {"0"}}
			if diff := cmp.Diff(want, answer.Trailer); diff != "" {
				t.Errorf("trailers (-want +got):\n%s", diff)
			}
			if answer.Header.Get("Cache-Control") != "private" || len(answer.Header["Set-Cookie"]) != 1 {
				t.Errorf("the answer: %v", answer.Header)
			}
		})
	}
}

// TestTrailersOfABufferedAnswerAreNoHeaders has a handler in front that buffers the whole answer, as caches
// do. It turns trailers into headers, which caches read.
func TestTrailersOfABufferedAnswerAreNoHeaders(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for name, row := range map[string]struct{ announced, trailers http.Header }{
		"announced": {fields("Trailer", "Cache-Control"), fields("Cache-Control", "public")},
		"another":   {fields(), fields("CDN-Cache-Control", "max-age=60", "X-Itsme-Subject", "1")},
	} {
		r, _ := e.bearer(t)
		w := buffering{http.Header{}}
		e.site.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), row.announced)
			w.WriteHeader(http.StatusOK)
			maps.Copy(w.Header(), row.trailers)
		})).ServeHTTP(w, r)
		row.announced["Cache-Control"] = []string{"private"}
		if diff := cmp.Diff(row.announced, w.header); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// buffering writes nothing.
type buffering struct{ header http.Header }

func (b buffering) Header() http.Header               { return b.header }
func (buffering) Write(body []byte) (int, error)      { return len(body), nil }
func (buffering) WriteHeader(int)                     {}
func (b buffering) ReadFrom(io.Reader) (int64, error) { return 0, errors.New("no file is sent here") }

// TestAnswersStream reads a part of an answer before the next one is written, through every way to flush.
func TestAnswersStream(t *testing.T) {
	t.Parallel()
	for name, flush := range map[string]func(http.ResponseWriter) error{
		"http.Flusher":            func(w http.ResponseWriter) error { w.(http.Flusher).Flush(); return nil },
		"http.ResponseController": func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
	} {
		for version, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
			t.Run(name+" "+version, func(t *testing.T) {
				t.Parallel()
				e, sent := dueForRenewal(t)
				read := make(chan struct{})
				addr := wire(t, e, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "text/event-stream")
					if err := flush(w); err != nil { // the header alone
						t.Error(err)
					}
					for _, event := range []string{"one", "two"} {
						select {
						case <-read:
						case <-r.Context().Done():
							t.Error("the client hung up")
						}
						_, _ = io.WriteString(w, event)
						if err := flush(w); err != nil {
							t.Error(err)
						}
					}
				})
				answer := get(t, t.Context(), client(t, http2), addr, sent.Header.Get("Cookie"))
				if answer.Header.Get("Cache-Control") != "private" || len(answer.Header["Set-Cookie"]) != 1 {
					t.Errorf("the answer: %v", answer.Header)
				}
				for _, event := range []string{"one", "two"} {
					read <- struct{}{}
					got := make([]byte, len(event))
					if _, err := io.ReadFull(answer.Body, got); err != nil || string(got) != event {
						t.Errorf("%q %v", got, err)
					}
				}
			})
		}
	}
}

// TestUpgradeGoesThrough switches protocols in every way that a handler can, and sends on the connection.
func TestUpgradeGoesThrough(t *testing.T) {
	t.Parallel()
	const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
	written := func(w http.ResponseWriter) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.Header().Add("Set-Cookie", "__Host-itsme=evil")
		w.Header().Add("Set-Cookie", "lb=1")
		w.WriteHeader(http.StatusSwitchingProtocols)
	}
	for name, row := range map[string]struct {
		before, after func(http.ResponseWriter)
		hijack        func(http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error)
		first         string
		cookies       []string
	}{
		"http.Hijacker": {func(http.ResponseWriter) {}, nil, func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
			return w.(http.Hijacker).Hijack()
		}, switching + "\r\n", nil},
		"http.ResponseController, with a header before": {written, nil, func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
			return http.NewResponseController(w).Hijack()
		}, "", []string{"lb=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, sent := dueForRenewal(t)
			addr := wire(t, e, func(w http.ResponseWriter, _ *http.Request) {
				row.before(w)
				conn, buffered, err := row.hijack(w)
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				_, _ = buffered.WriteString(row.first)
				_ = buffered.Flush()
				got := make([]byte, 4)
				_, _ = io.ReadFull(buffered, got)
				_, _ = conn.Write(append([]byte("echo "), got...))
			})
			c := rawhttptest.Dial(t, addr)
			c.Send(strings.Replace(ask(sent.Header.Get("Cookie"), "Origin: "+envURL+"\r\nUpgrade: websocket\r\n"), "Connection: close", "Connection: Upgrade", 1))
			answer := c.Answer(http.MethodGet)
			if answer.Status != http.StatusSwitchingProtocols {
				t.Fatalf("got %d", answer.Status)
			}
			if diff := cmp.Diff(row.cookies, answer.Header["Set-Cookie"]); diff != "" {
				t.Errorf("cookies (-want +got):\n%s", diff)
			}
			c.Send("ping")
			if got := c.Receive(9); got != "echo ping" {
				t.Errorf("got %q", got)
			}
		})
	}
}

// TestResponseControllerReachesTheServer sets what only the server itself can.
func TestResponseControllerReachesTheServer(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	sent, _ := e.bearer(t)
	addr := wire(t, e, func(w http.ResponseWriter, _ *http.Request) {
		c := http.NewResponseController(w)
		if err := errors.Join(c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{}), c.EnableFullDuplex()); err != nil {
			t.Error(err)
		}
		if _, _, err := http.NewResponseController(struct{ http.ResponseWriter }{w}).Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Error(err)
		}
	})
	answer := rawhttptest.Do(t, addr, ask("a=b", "Authorization: "+sent.Header.Get("Authorization")+"\r\n"))
	if answer.Status != http.StatusOK || answer.Header.Get("Cache-Control") != "private" {
		t.Errorf("%d %v", answer.Status, answer.Header)
	}
}

// TestFilesAreHandedToTheServer serves a file. The kernel moves its bytes when the server's own writer gets
// the file.
func TestFilesAreHandedToTheServer(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	sent, _ := e.bearer(t)
	name := filepath.Join(t.TempDir(), "a.bin")
	body := strings.Repeat("0123456789", 100_000)
	if err := os.WriteFile(name, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := wire(t, e, func(w http.ResponseWriter, r *http.Request) {
		if _, ok := w.(io.ReaderFrom); !ok {
			t.Error("files are copied")
		}
		w.Header().Set("Cache-Control", "public")
		if r.URL.Path == "/copied" {
			_, _ = io.Copy(w, io.LimitReader(strings.NewReader(body), int64(len(body)))) // without WriteHeader
			return
		}
		http.ServeFile(w, r, name)
	})
	bearer := "Authorization: " + sent.Header.Get("Authorization") + "\r\n"
	for _, row := range []struct {
		name, lines, method, body string
		status                    int
	}{
		{"whole", "", "GET", body, http.StatusOK},
		{"a part", "Range: bytes=10-19\r\n", "GET", body[10:20], http.StatusPartialContent},
		{"its header alone", "", "HEAD", "", http.StatusOK},
		{"as it was", "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT\r\n", "GET", "", http.StatusNotModified},
	} {
		answer := rawhttptest.Do(t, addr, row.method+strings.TrimPrefix(ask("a=b", bearer, row.lines), "GET"))
		if answer.Status != row.status || answer.Body != row.body || !slices.Equal(answer.Header["Cache-Control"], []string{"private"}) {
			t.Errorf("%s: %d, %d bytes, %v", row.name, answer.Status, len(answer.Body), answer.Header)
		}
	}
	copied := rawhttptest.Do(t, addr, strings.Replace(ask("a=b", bearer), "GET / ", "GET /copied ", 1))
	if copied.Body != body || !slices.Equal(copied.Header["Cache-Control"], []string{"private"}) {
		t.Errorf("copied: %d bytes, %v", len(copied.Body), copied.Header)
	}
	// The server's own writer gets the file itself.
	r, _ := e.bearer(t)
	e.site.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, err := io.Copy(w, struct{ io.Reader }{strings.NewReader("x")}); err == nil {
			t.Error("the writer below is passed over")
		}
	})).ServeHTTP(buffering{http.Header{}}, r)
}
