package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// again gives a request the headers that a server would read again.
func again(r, sent *http.Request) {
	clear(r.Header)
	for name, values := range sent.Header {
		r.Header[name] = values
	}
}

func handedOn(http.ResponseWriter, *http.Request) error { return nil }

// BenchmarkAuthenticated is a request with a login, on its way through a site.
func BenchmarkAuthenticated(b *testing.B) {
	f := openFort(b, func(c *gateway.Config) { c.Now = time.Now }) // no lock
	bearer, _ := f.bearer(b)
	bearer.Header.Set("X-Requested-With", "be.example.app")
	bearer.URL.Path = "/api/some/longer/path/to/things/of/the/upstream"
	cookie, _ := f.cookie(b)
	for name, sent := range map[string]*http.Request{"bearer": bearer, "cookie": cookie} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				w := httptest.NewRecorder()
				r := sent.Clone(b.Context())
				for pb.Next() {
					again(r, sent)
					if err := f.site.Serve(w, r, gateway.Request{}, handedOn); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// BenchmarkRefused is a request that no login comes with, or one that nobody signed.
func BenchmarkRefused(b *testing.B) {
	f := openFort(b)
	signed, _ := f.bearer(b)
	good := signed.Header.Get("Authorization")
	for name, sent := range map[string]*http.Request{
		"no token":                 request("X-Note", "none"),
		"8 KiB garbage":            request("Authorization", "Bearer "+strings.Repeat("e", token.MaxSize)),
		"8 KiB with a good header": request("Authorization", good[:strings.IndexByte(good, '.')+1]+strings.Repeat("e", 7000)+".e"),
		"ill-signed":               request("Authorization", illSigned(good, 20)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := sent.Clone(b.Context())
			for b.Loop() {
				again(r, sent)
				w := httptest.NewRecorder()
				_ = f.site.Serve(w, r, gateway.Request{}, handedOn)
				if w.Code != http.StatusUnauthorized {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
