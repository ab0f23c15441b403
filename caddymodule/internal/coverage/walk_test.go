package coverage

import (
	"net/http"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// itsme stands for an itsme handler in a route.
type itsme struct{}

func (itsme) ServeHTTP(http.ResponseWriter, *http.Request, caddyhttp.Handler) error { return nil }

// survey follows the routes of a server whose itsme handlers are of one gateway.
func survey(t *testing.T, server *caddyhttp.Server) (*Survey, *gateway.Gateway) {
	t.Helper()
	memory := store.NewMemory(time.Now)
	g, err := gateway.New(gateway.Config{
		PublicURL: "https://app.example.be", Signicat: signicat.Config{ClientID: "id", ClientSecret: "secret"},
		Attributes: []string{"name"}, Store: memory, Keys: new(token.Keys),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = g.Close()
		_ = memory.Close()
	})
	return Of(map[string]*caddyhttp.Server{"s": server}, func(h caddyhttp.MiddlewareHandler) (Handler, bool) {
		_, ok := h.(itsme)
		return Handler{Gateway: g}, ok
	}), g
}

func handlers(all ...caddyhttp.MiddlewareHandler) caddyhttp.Route {
	return caddyhttp.Route{Handlers: all}
}

// in puts a route into a group of its list.
func in(group string, route caddyhttp.Route) caddyhttp.Route {
	route.Group = group
	return route
}

func respond() caddyhttp.MiddlewareHandler { return &caddyhttp.StaticResponse{Body: "hello"} }

// public is a header operation that runs after itsme, and lets caches keep its answers.
func public() caddyhttp.MiddlewareHandler {
	return &headers.Handler{Response: &headers.RespHeaderOps{
		HeaderOps: &headers.HeaderOps{Set: http.Header{"Cache-Control": {"public"}}}, Deferred: true,
	}}
}

// TestOneWalkFindsEverything has routes that a Caddyfile does not write, and what is wrong with them.
func TestOneWalkFindsEverything(t *testing.T) {
	t.Parallel()
	sub := func(routes ...caddyhttp.Route) caddyhttp.MiddlewareHandler {
		return &caddyhttp.Subroute{Routes: routes}
	}
	invoke := func(name string) caddyhttp.MiddlewareHandler { return &caddyhttp.Invoke{Name: name} }
	for name, row := range map[string]struct {
		routes caddyhttp.RouteList
		want   []Name
	}{
		"itsme alone":                                  {caddyhttp.RouteList{handlers(itsme{}, respond())}, nil},
		"an answer before itsme":                       {caddyhttp.RouteList{handlers(respond(), itsme{})}, []Name{ItsmeTooLate}},
		"a header operation before itsme":              {caddyhttp.RouteList{handlers(public(), itsme{})}, []Name{HeaderDeferred}},
		"one behind itsme":                             {caddyhttp.RouteList{handlers(itsme{}, public())}, nil},
		"one in another route of the group":            {caddyhttp.RouteList{in("a", handlers(public())), in("a", handlers(itsme{}))}, nil},
		"one in a route of another group":              {caddyhttp.RouteList{in("a", handlers(public())), in("b", handlers(itsme{}))}, []Name{HeaderDeferred}},
		"one before a nested group of the same name":   {caddyhttp.RouteList{in("a", handlers(public())), handlers(sub(in("a", handlers(itsme{}))))}, []Name{HeaderDeferred}},
		"one at the end of a subroute before":          {caddyhttp.RouteList{handlers(sub(in("a", handlers(public()))), itsme{})}, []Name{HeaderDeferred}},
		"one in a named route before":                  {caddyhttp.RouteList{handlers(invoke("public"), itsme{})}, []Name{HeaderDeferred}},
		"one between two invocations of itsme":         {caddyhttp.RouteList{handlers(invoke("itsme"), public(), invoke("itsme"))}, []Name{HeaderDeferred}},
		"an answer behind a named route":               {caddyhttp.RouteList{handlers(invoke("itsme"), respond())}, nil},
		"a named route that invokes itself":            {caddyhttp.RouteList{handlers(invoke("loop"))}, nil},
		"an answer and a header operation before":      {caddyhttp.RouteList{handlers(public(), respond(), itsme{})}, []Name{ItsmeTooLate, HeaderDeferred}},
		"a second answer at the same place, said once": {caddyhttp.RouteList{handlers(respond(), respond(), itsme{})}, []Name{ItsmeTooLate}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, g := survey(t, &caddyhttp.Server{Routes: row.routes, NamedRoutes: map[string]*caddyhttp.Route{
				"public": {Handlers: []caddyhttp.MiddlewareHandler{public()}},
				"itsme":  {Handlers: []caddyhttp.MiddlewareHandler{itsme{}}},
				"loop":   {Handlers: []caddyhttp.MiddlewareHandler{itsme{}, invoke("loop"), respond()}},
			}})
			var names []Name
			for _, f := range found.Findings {
				names = append(names, f.Name)
			}
			if diff := cmp.Diff(row.want, names); diff != "" {
				t.Errorf("it finds (-want +got):\n%s", diff)
			}
			if !found.Uses(g) {
				t.Error("no site has the gateway")
			}
		})
	}
}

// TestErrorRoutesDoNotUseAGateway: no client can log in where only an error leads.
func TestErrorRoutesDoNotUseAGateway(t *testing.T) {
	t.Parallel()
	found, g := survey(t, &caddyhttp.Server{
		Routes: caddyhttp.RouteList{handlers(respond())},
		Errors: &caddyhttp.HTTPErrorConfig{Routes: caddyhttp.RouteList{handlers(itsme{})}},
	})
	if found.Uses(g) {
		t.Error("the gateway is used")
	}
}
