package flow_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// TestSecondSiteAsksForWhatTheFirstRequires sends a request through two sites. The challenge of the second
// site names the requirements of both. Otherwise the user would log in twice.
func TestSecondSiteAsksForWhatTheFirstRequires(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		inner := e.newSite(t, gateway.Requirements{LoA: signicat.LoAHigh})
		outer := e.newSite(t, gateway.Requirements{LoA: signicat.LoALow, MaxAge: time.Hour})
		handler := outer.Handler(inner.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot) // the upstream
		})))
		call := func(token string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodGet, publicURL+"/", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			return w
		}
		substantial := call(e.loginAs(t, "substantial"))
		if challenge := substantial.Header().Get("WWW-Authenticate"); substantial.Code != http.StatusUnauthorized || !strings.Contains(challenge, `acr_values="high", max_age="3600"`) {
			t.Errorf("got %d %s", substantial.Code, challenge)
		}
		if got := call(e.loginAs(t, "adult")); got.Code != http.StatusTeapot {
			t.Errorf("enough for both: %d %s", got.Code, got.Body)
		}
	})
}

// newSite returns another site of the gateway.
func (e *env) newSite(t *testing.T, r gateway.Requirements) *gateway.Site {
	t.Helper()
	site, err := e.Gateway.NewSite(gateway.SiteConfig{Require: r})
	if err != nil {
		t.Fatal(err)
	}
	return site
}
