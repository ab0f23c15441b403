package rawhttptest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
)

func TestUpstreamKeepsEveryByte(t *testing.T) {
	t.Parallel()
	upstream := rawhttptest.NewUpstream(t)
	requests := []string{
		"GET / HTTP/1.1\r\nhost: a\r\nX_a:  b \r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Trailer: y\r\n\r\n",
		"no request at all\r\n\r\n",
	}
	for _, request := range requests[:2] {
		if got := rawhttptest.Do(t, upstream.Addr(), request); got.Status != http.StatusOK || got.Body != rawhttptest.Body {
			t.Errorf("%q: %+v", request, got)
		}
	}
	if got := rawhttptest.Do(t, upstream.Addr(), requests[2]); got.Status != 0 {
		t.Errorf("an answer to no request: %+v", got)
	}
	if diff := cmp.Diff(requests, upstream.Take()); diff != "" {
		t.Errorf("what was kept (-want +got):\n%s", diff)
	}
	if got := upstream.Take(); len(got) != 0 {
		t.Errorf("taken twice: %q", got)
	}
}

func TestUpstreamTunnels(t *testing.T) {
	t.Parallel()
	c := rawhttptest.Dial(t, rawhttptest.NewUpstream(t).Addr())
	c.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if got := c.Answer(http.MethodGet); got.Status != http.StatusSwitchingProtocols {
		t.Fatalf("the upgrade: %+v", got)
	}
	c.Send("hello")
	if got := c.Receive(5); got != "hello" {
		t.Errorf("the tunnel gives back %q", got)
	}
}

func TestH2SendsFieldsAsTheyAre(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Proto+" "+r.Header.Get("X_a")+" "+string(body)+" "+r.Trailer.Get("X-Sum"))
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	c := rawhttptest.DialH2(t, server.Listener.Addr().String())
	head := []rawhttptest.Field{{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}}
	for range 2 {
		got := c.Do(rawhttptest.H2Request{
			Fields:   append(head, rawhttptest.Field{"x_a", "b"}, rawhttptest.Field{"trailer", "x-sum"}),
			Body:     "body",
			Trailers: []rawhttptest.Field{{"x-sum", "c"}},
		})
		if got.Status != http.StatusOK || got.Body != "HTTP/2.0 b body c" {
			t.Errorf("got %+v", got)
		}
	}
	if got := c.Do(rawhttptest.H2Request{Fields: append(head, rawhttptest.Field{"X-Upper", "b"})}); got.Status != 0 && got.Status != http.StatusBadRequest {
		t.Errorf("a name in capitals, which HTTP/2 forbids: %+v", got)
	}
}
