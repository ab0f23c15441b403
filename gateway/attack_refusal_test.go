package gateway_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

// TestEveryRefusedTokenIsAnsweredAlike presents tokens that are refused at every stage. An answer that
// named the stage would guide an attacker who makes one up.
func TestEveryRefusedTokenIsAnsweredAlike(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	sign := func(ahead time.Duration) string {
		raw, _, err := f.authorityAt(t, func() time.Time { return f.clock.now().Add(ahead) }).IssueAccess(f.claims())
		check(t, err)
		return raw
	}
	good, revoked := sign(0), sign(0)
	claims, err := f.authority.VerifyAccess(revoked)
	check(t, err)
	check(t, f.store.Revoke(t.Context(), pending.Revocation{Scope: pending.ScopeToken, ID: claims.ID, Until: f.clock.now().Add(time.Hour)}))
	session, _, err := f.authority.IssueSession(f.claims())
	check(t, err)
	var first http.Header
	for name, raw := range map[string]string{
		"none": "", "garbage": "a.b.c", "another signature": good[:len(good)-4] + "AAAA", "out of date": sign(-time.Hour), "not valid yet": sign(time.Hour), "revoked": revoked,
		"of a browser": session,
	} {
		w := f.answerOf(request("Authorization", "Bearer "+raw))
		if first == nil {
			first = w.Result().Header
		}
		if diff := cmp.Diff(first, w.Result().Header); w.Code != http.StatusUnauthorized || diff != "" {
			t.Errorf("%s: %d, the header differs (-another +this):\n%s", name, w.Code, diff)
		}
	}
}
