package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// TestOptionalSiteAtTheEndOfALogin is a browser whose session token is over, but by less than clocks may differ: it is
// verified still, and no access token can be made from it. Where a login is optional it counts as none, as it does a
// minute later.
func TestOptionalSiteAtTheEndOfALogin(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	site, err := f.NewSite(gateway.SiteConfig{Optional: true})
	if err != nil {
		t.Fatal(err)
	}
	r, claims := f.cookie(t)
	for _, past := range []time.Duration{time.Second, time.Hour} {
		f.clock.advance(claims.ExpiresAt.Add(past).Sub(f.clock.now()))
		w, passed := httptest.NewRecorder(), false
		sent := r.Clone(t.Context())
		err := site.Serve(w, sent, gateway.Request{}, func(_ http.ResponseWriter, r *http.Request) error {
			passed = true
			if identity, ok := gateway.IdentityFrom(r.Context()); ok {
				t.Errorf("%s past its end it is a request of %s", past, identity.Subject)
			}
			for _, name := range []string{"X-Itsme-Subject", "X-Itsme-Name", "Authorization"} {
				if value, ok := r.Header[name]; ok {
					t.Errorf("%s past its end the upstream gets %s: %q", past, name, value)
				}
			}
			return nil
		})
		if err != nil || !passed {
			t.Errorf("%s past its end: %d, %v", past, w.Code, err)
		}
	}
}
