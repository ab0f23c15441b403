package gateway_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestEarlyDataOfTheConnectionChangesNothing has a request arrive before its handshake is complete, as a
// server with TLS 1.3 early data hands it on. An attacker on the way can send it once more.
func TestEarlyDataOfTheConnectionChangesNothing(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	for target, method := range map[string]string{
		"/sessions": "POST", "/sessions/" + strings.Repeat("x", 43) + "/cancel": "POST", "/token": "POST", "/revoke": "POST", "/logout": "POST", "/login": "POST",
		"/userinfo": "POST", "/callback?code=c&state=s": "GET",
	} {
		r := httptest.NewRequest(method, fortURL+"/itsme"+target, nil)
		for complete, early := range map[bool]bool{false: true, true: false} {
			r.TLS = &tls.ConnectionState{HandshakeComplete: complete}
			w := httptest.NewRecorder()
			f.site.Handler(http.NotFoundHandler()).ServeHTTP(w, r)
			if (w.Code == http.StatusTooEarly) != early {
				t.Errorf("%s %s, handshake complete: %t: %d", method, target, complete, w.Code)
			}
		}
	}
}
