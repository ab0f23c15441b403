package gateway_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/dpoptest"
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

// BenchmarkAuthenticated sends a request with a login through a site.
func BenchmarkAuthenticated(b *testing.B) {
	e := newEnv(b, func(c *gateway.Config) { c.Now = time.Now }) // no lock
	bearer, _ := e.bearer(b)
	bearer.Header.Set("X-Requested-With", "be.example.app")
	bearer.URL.Path = "/api/some/longer/path/to/things/of/the/upstream"
	cookie, _ := e.cookie(b)
	for name, sent := range map[string]*http.Request{"bearer": bearer, "cookie": cookie} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				w := httptest.NewRecorder()
				r := sent.Clone(b.Context())
				for pb.Next() {
					again(r, sent)
					if err := e.site.Serve(w, r, gateway.RequestInfo{}, handedOn); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// BenchmarkRefused sends requests without a login, or with a token of no issuer.
func BenchmarkRefused(b *testing.B) {
	e := newEnv(b)
	signed, _ := e.bearer(b)
	good := signed.Header.Get("Authorization")
	claims := e.claims()
	claims.KeyThumbprint = dpoptest.NewKey(b).Thumbprint()
	bound, _, err := e.authority.IssueAccess(claims)
	check(b, err)
	garbage := request("Authorization", "DPoP "+bound)
	garbage.Header.Set("DPoP", strings.Repeat("e", 300)+"."+strings.Repeat("e", 300)+"."+strings.Repeat("e", 86))
	for name, sent := range map[string]*http.Request{
		"no token":                 request("X-Note", "none"),
		"8 KiB garbage":            request("Authorization", "Bearer "+strings.Repeat("e", token.MaxSize)),
		"8 KiB with a good header": request("Authorization", good[:strings.IndexByte(good, '.')+1]+strings.Repeat("e", 7000)+".e"),
		"8 KiB that do not open":   request("Authorization", "Bearer "+doesNotOpen(e.keys.KeySet().Current().ID())),
		"a garbage proof":          garbage, // of a token that is kept
		"ill-signed":               request("Authorization", illSigned(good, 20)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := sent.Clone(b.Context())
			for b.Loop() {
				again(r, sent)
				w := httptest.NewRecorder()
				_ = e.site.Serve(w, r, gateway.RequestInfo{}, handedOn)
				if w.Code != http.StatusUnauthorized {
					b.Fatal(w.Code)
				}
			}
		})
	}
}

// doesNotOpen returns a token of 8 KiB with the header of an encrypted one, such as any client can make.
func doesNotOpen(kid string) string {
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"A256KW","cty":"JWT","enc":"A256GCM","kid":"` + kid + `","typ":"at+jwt"}`))
	parts := []string{head, strings.Repeat("A", 54), strings.Repeat("A", 16), strings.Repeat("A", 7000), strings.Repeat("A", 22)}
	return strings.Join(parts, ".")
}

// discarded is a response writer that keeps only the header.
type discarded struct{ header http.Header }

func (d discarded) Header() http.Header          { return d.header }
func (discarded) Write(body []byte) (int, error) { return len(body), nil }
func (discarded) WriteHeader(int)                {}

// BenchmarkAnswered sends a request with a login and writes an answer with the header of an ordinary upstream
// behind Caddy's reverse_proxy. "handler alone" measures the handler, which the other includes.
func BenchmarkAnswered(b *testing.B) {
	e := newEnv(b, func(c *gateway.Config) { c.Now = time.Now }) // no lock
	sent, _ := e.bearer(b)
	answer := http.Header{
		"Server": {"Caddy"}, "Date": {"Mon, 02 Jan 2006 15:04:05 GMT"}, "Via": {"1.1 Caddy"}, "Content-Type": {"application/json"}, "Content-Length": {"8"},
		"Etag": {`"1"`}, "Last-Modified": {"Mon, 02 Jan 2006 15:04:05 GMT"}, "Vary": {"Accept-Encoding"}, "X-Request-Id": {"1"}, "Cache-Control": {"max-age=60"},
	}
	next := func(w http.ResponseWriter, _ *http.Request) error {
		h := w.Header()
		for name, values := range answer {
			h[name] = values
		}
		w.WriteHeader(http.StatusOK)
		_, err := w.Write([]byte("upstream"))
		return err
	}
	for name, serve := range map[string]func(http.ResponseWriter, *http.Request) error{
		"handler alone": next,
		"itsme": func(w http.ResponseWriter, r *http.Request) error {
			return e.site.Serve(w, r, gateway.RequestInfo{}, next)
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r, w := sent.Clone(b.Context()), discarded{http.Header{}}
			for b.Loop() {
				again(r, sent)
				clear(w.header)
				if err := serve(w, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
