package gateway_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// TestEveryRefusedTokenIsAnsweredAlike sends tokens that fail at each stage of the check. An answer that
// named the stage would guide an attacker who makes one up.
func TestEveryRefusedTokenIsAnsweredAlike(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	sign := func(ahead time.Duration) string {
		raw, _, err := e.authorityAt(t, func() time.Time { return e.clock.now().Add(ahead) }).IssueAccess(e.claims())
		check(t, err)
		return raw
	}
	good, revoked := sign(0), sign(0)
	claims, err := e.authority.VerifyAccess(revoked)
	check(t, err)
	check(t, e.store.Revoke(t.Context(), store.Revocation{Scope: store.ScopeToken, ID: claims.ID, Until: e.clock.now().Add(time.Hour)}))
	session, _, err := e.authority.IssueSession(e.claims())
	check(t, err)
	var first http.Header
	for name, raw := range map[string]string{
		"none": "", "garbage": "a.b.c", "another signature": good[:len(good)-4] + "AAAA", "out of date": sign(-time.Hour), "not valid yet": sign(time.Hour), "revoked": revoked,
		"of a browser": session,
	} {
		w := e.answerOf(request("Authorization", "Bearer "+raw))
		if first == nil {
			first = w.Result().Header
		}
		if diff := cmp.Diff(first, w.Result().Header); w.Code != http.StatusUnauthorized || diff != "" {
			t.Errorf("%s: %d, the header differs (-another +this):\n%s", name, w.Code, diff)
		}
	}
}

// TestEarlyDataOfTheConnectionChangesNothing sends a request before the handshake is complete, as a server
// with TLS 1.3 early data passes it on. An attacker on the path can replay it.
func TestEarlyDataOfTheConnectionChangesNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for target, method := range map[string]string{
		"/sessions": "POST", "/sessions/" + strings.Repeat("x", 43) + "/cancel": "POST", "/token": "POST", "/revoke": "POST", "/logout": "POST", "/login": "POST",
		"/userinfo": "POST", "/callback?code=c&state=s": "GET",
	} {
		r := httptest.NewRequest(method, envURL+"/itsme"+target, nil)
		for complete, early := range map[bool]bool{false: true, true: false} {
			r.TLS = &tls.ConnectionState{HandshakeComplete: complete}
			w := httptest.NewRecorder()
			e.site.Handler(http.NotFoundHandler()).ServeHTTP(w, r)
			if (w.Code == http.StatusTooEarly) != early {
				t.Errorf("%s %s, handshake complete: %t: %d", method, target, complete, w.Code)
			}
		}
	}
}
