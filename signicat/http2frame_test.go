package signicat_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/caddy-itsme/caddy-itsme/internal/pipetest"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// frameServer is an HTTP/2 server that does with each call what net/http's server would never do. It gives out access
// tokens.
type frameServer struct {
	act   func(f *http2.Framer, stream uint32) (goOn bool)
	leave bool // says GOAWAY on each connection, before anything was asked

	mu    sync.Mutex
	calls []string // paths, but for the access token's
}

// answer sends a response on a stream.
func answer(f *http2.Framer, stream uint32, body string) {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	_ = encoder.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	_ = encoder.WriteField(hpack.HeaderField{Name: "content-type", Value: "application/json"})
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true})
	_ = f.WriteData(stream, true, []byte(body))
}

func (s *frameServer) serve(conn net.Conn) {
	defer conn.Close()
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(conn, preface); err != nil {
		return
	}
	out := make(queue, 1000)
	var writing sync.WaitGroup
	writing.Go(func() { out.drain(conn) })
	defer writing.Wait() // before the connection is closed
	defer close(out)
	f := http2.NewFramer(out, conn)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = f.WriteSettings()
	if s.leave {
		_ = f.WriteGoAway(0, http2.ErrCodeNo, nil)
	}
	paths := map[uint32]string{}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = f.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !frame.IsAck() {
				_ = f.WritePing(true, frame.Data)
			}
		case *http2.MetaHeadersFrame:
			paths[frame.StreamID] = frame.PseudoValue("path")
		}
		ends, ok := frame.(interface{ StreamEnded() bool })
		if !ok || !ends.StreamEnded() {
			continue
		}
		stream := frame.Header().StreamID
		if s.leave { // the request crossed GOAWAY
			s.note(paths[stream])
			continue
		}
		if strings.HasPrefix(paths[stream], "/auth/open/connect/token") {
			answer(f, stream, `{"access_token":"T","token_type":"Bearer","expires_in":600}`)
		} else if !s.take(f, stream, paths[stream]) {
			return
		}
	}
}

// queue keeps the writer from waiting for a reader that waits for the writer to read, as the ends of a pipe may.
type queue chan []byte

func (q queue) Write(b []byte) (int, error) {
	q <- bytes.Clone(b)
	return len(b), nil
}

func (q queue) drain(to io.Writer) {
	for b := range q {
		_, _ = to.Write(b) // the reader may be gone
	}
}

func (s *frameServer) take(f *http2.Framer, stream uint32, path string) (goOn bool) {
	s.note(path)
	return s.act(f, stream)
}

func (s *frameServer) note(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, path)
}

// certificate is httptest's own, for 127.0.0.1.
var certificate = sync.OnceValue(func() *httptest.Server {
	server := httptest.NewTLSServer(nil)
	server.Close()
	return server
})

func openFrames(t *testing.T, s *frameServer) *signicat.Client {
	t.Helper()
	network := pipetest.New()
	listener := tls.NewListener(network, &tls.Config{Certificates: certificate().TLS.Certificates, NextProtos: []string{"h2"}})
	ended := make(chan struct{})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
			go func() {
				<-ended
				_ = conn.Close()
			}()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		close(ended)
	})
	return connect(t, "https://127.0.0.1", func(config *signicat.Config) {
		config.DialContext = network.Dial
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AddCert(certificate().Certificate())
	})
}

// TestResetAndGoAway ends calls as only HTTP/2 can, and counts how often each was sent. Signicat may have carried out
// what it resets, whatever the code: net/http sends nothing again but a read, and that once.
func TestResetAndGoAway(t *testing.T) {
	t.Parallel()
	reset := func(code http2.ErrCode) func(*http2.Framer, uint32) bool {
		return func(f *http2.Framer, stream uint32) bool {
			_ = f.WriteRSTStream(stream, code)
			return true
		}
	}
	for _, test := range []struct {
		name  string
		act   func(*http2.Framer, uint32) bool
		words string // in the error
	}{
		{"REFUSED_STREAM", reset(http2.ErrCodeRefusedStream), "refused, and not sent again"},
		{"PROTOCOL_ERROR", reset(http2.ErrCodeProtocol), "refused, and not sent again"},
		{"INTERNAL_ERROR", reset(http2.ErrCodeInternal), "stream reset with INTERNAL_ERROR"},
		{"CANCEL", reset(http2.ErrCodeCancel), "stream reset with CANCEL"},
		{"a code that is none", reset(99), "stream reset with HTTP/2 error code 99"},
		{"GOAWAY before the call", func(f *http2.Framer, stream uint32) bool {
			_ = f.WriteGoAway(max(stream, 2)-2, http2.ErrCodeNo, []byte(personNIN))
			return true
		}, "refused, and not sent again"},
		{"GOAWAY and the end in the call", func(f *http2.Framer, stream uint32) bool {
			_ = f.WriteGoAway(stream, http2.ErrCodeNo, []byte(personNIN))
			return false
		}, "connection closed with GOAWAY"},
		{"the end in the call", func(*http2.Framer, uint32) bool { return false }, "connection closed before the end of the answer"},
	} {
		for _, operation := range operations()[1:] {
			t.Run(test.name+"/"+operation.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := &frameServer{act: test.act}
					err := operation.call(t.Context(), openFrames(t, s), "https://127.0.0.1")
					wantOutcome(t, err, operation.name, outcome{want: signicat.ErrUnavailable})
					s.mu.Lock()
					defer s.mu.Unlock()
					if !strings.Contains(err.Error(), test.words) {
						t.Errorf("the error is %q, want %q in it", err, test.words)
					}
					want := 1
					if operation.name == signicat.OperationReadSession && test.words == "refused, and not sent again" {
						want = 2
					}
					if n := len(s.calls); n != want {
						t.Errorf("the call was sent %d times, want %d", n, want)
					}
				})
			})
		}
	}
}

// TestGoAwayFinishesWhatItTook answers the call after GOAWAY, as a server does that is being replaced. The next call
// finds another connection.
func TestGoAwayFinishesWhatItTook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &frameServer{act: func(f *http2.Framer, stream uint32) bool {
			_ = f.WriteGoAway(stream, http2.ErrCodeNo, nil)
			answer(f, stream, "{}")
			return true
		}}
		client := openFrames(t, s)
		for range 3 {
			if err := client.ValidateCode(t.Context(), validation("https://127.0.0.1")); err != nil {
				t.Error(err)
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if n := len(s.calls); n != 3 {
			t.Errorf("three codes were sent %d times", n)
		}
	})
}

// TestServerThatTakesNoCall is of a load balancer that says GOAWAY on every new connection. net/http alone sends the
// request again and again, without a pause, for as long as the call lasts.
func TestServerThatTakesNoCall(t *testing.T) {
	t.Parallel()
	for _, operation := range operations() {
		t.Run(operation.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &frameServer{leave: true}
				err := operation.call(t.Context(), openFrames(t, s), "https://127.0.0.1")
				wantOutcome(t, err, signicat.OperationAccessToken, outcome{want: signicat.ErrUnavailable})
				s.mu.Lock()
				defer s.mu.Unlock()
				if n := len(s.calls); n > 1 {
					t.Errorf("%d requests for one call: %v", n, err)
				}
			})
		})
	}
}
