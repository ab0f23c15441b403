package caddymodule

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/metrics"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// benchHandler returns a handler, and an access token that its gateway accepts.
func benchHandler(b testing.TB) (*Handler, string) {
	b.Helper()
	inForce := keystest.New(b, token.ES256)
	memory := store.NewMemory(time.Now)
	b.Cleanup(func() { _ = memory.Close() })
	const public = "https://app.example.be"
	m := metrics.New("default")
	g, err := gateway.New(gateway.Config{
		PublicURL: public, Signicat: signicat.Config{ClientID: "id", ClientSecret: "secret"},
		Attributes: []string{"name"}, Store: m.Store(memory), Keys: inForce, Observe: m.Observer(),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = g.Close() })
	site, err := g.NewSite(gateway.SiteConfig{})
	if err != nil {
		b.Fatal(err)
	}
	authority, err := token.NewAuthority(token.Config{
		Issuer: public, Audience: []string{public}, ClientID: "app.example.be",
		SessionAudience: public + gateway.DefaultPath, Lifetime: time.Hour, SessionLifetime: time.Hour,
	}, inForce)
	if err != nil {
		b.Fatal(err)
	}
	raw, _, err := authority.IssueAccess(token.Claims{
		Subject: "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4", AuthTime: time.Now(), ACR: "substantial",
		Attributes: map[string]any{"name": "Jan Peeters"},
	})
	if err != nil {
		b.Fatal(err)
	}
	return &Handler{gateway: g, site: site}, raw
}

// BenchmarkHandler serves a request with a login, as Caddy passes it to the handler. Both rows include the
// preparation that Caddy makes for every request; "caddy alone" measures it.
func BenchmarkHandler(b *testing.B) {
	h, raw := benchHandler(b)
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
	for name, handler := range map[string]interface {
		ServeHTTP(http.ResponseWriter, *http.Request, caddyhttp.Handler) error
	}{"caddy alone": passThrough{}, "itsme": h} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				w, server := httptest.NewRecorder(), new(caddyhttp.Server)
				r := httptest.NewRequest(http.MethodGet, "https://app.example.be/api/things", nil)
				sent := http.Header{"Accept": {"application/json"}, "User-Agent": {"app/1.0"}, "Authorization": {"Bearer " + raw}}
				r.Header = make(http.Header)
				for pb.Next() {
					clear(r.Header)
					for name, values := range sent {
						r.Header[name] = values
					}
					prepared := caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, server)
					if err := handler.ServeHTTP(w, prepared, next); err != nil || w.Code != http.StatusOK {
						b.Fatal(err, w.Code)
					}
				}
			})
		})
	}
}

type passThrough struct{}

func (passThrough) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return next.ServeHTTP(w, r)
}
