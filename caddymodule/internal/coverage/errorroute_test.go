package coverage

import (
	"net/http"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/google/go-cmp/cmp"
)

// protecting stands for an itsme handler in a list of Caddy's.
type protecting struct{}

func (protecting) ServeHTTP(http.ResponseWriter, *http.Request, caddyhttp.Handler) error { return nil }

// TestErrorRoutesOfASubrouteAreFollowed gives a subroute error routes of its own, which JSON can and a
// Caddyfile cannot. The upstream in them gets the client's own identity headers.
func TestErrorRoutesOfASubrouteAreFollowed(t *testing.T) {
	t.Parallel()
	list := func(handlers ...caddyhttp.MiddlewareHandler) caddyhttp.RouteList {
		return caddyhttp.RouteList{{Handlers: handlers}}
	}
	recognize := func(h caddyhttp.MiddlewareHandler) (Handler, bool) {
		_, ok := h.(protecting)
		return Handler{}, ok
	}
	upstream := &reverseproxy.Handler{Upstreams: reverseproxy.UpstreamPool{{Dial: "127.0.0.1:9000"}}}
	server := &caddyhttp.Server{Listen: []string{":443"}, Routes: list(
		&caddyhttp.Subroute{Routes: list(protecting{}, upstream), Errors: &caddyhttp.HTTPErrorConfig{Routes: list(upstream)}},
	)}
	want := []Finding{{Name: ErrorsUncovered, Site: ":443", Problem: "reverse_proxy to 127.0.0.1:9000 in handle_errors is reachable without itsme"}}
	if diff := cmp.Diff(want, walkServer("srv0", server, recognize).uncovered()); diff != "" {
		t.Errorf("findings differ (-want +got):\n%s", diff)
	}
}
