package gateway_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// exactBearer is RFC 6750 section 2.1 with any number of spaces; namedBearer begins as one does, be it
// malformed.
var (
	exactBearer = regexp.MustCompile(`^[ \t]*(?i:bearer) +TOKEN[ \t]*$`)
	namedBearer = regexp.MustCompile("^[ \t]*(?i:bearer|dpop)($|[^!#$%&'*+.^_`|~0-9A-Za-z-])")
	// strayDPoP begins as DPoP for a server that reads other characters than ours as blanks.
	strayDPoP = regexp.MustCompile("^[^!#$%&'*+.^_`|~0-9A-Za-z-]*(?i:dpop)($|[^!#$%&'*+.^_`|~0-9A-Za-z-])")
)

// FuzzBearer writes an Authorization line, in which TOKEN stands for a valid access token, with and without
// another user's session cookie. Only a well-formed bearer authenticates the token's user. A line with the
// scheme never falls back to the cookie. The upstream gets the gateway's own bearer and no other.
func FuzzBearer(f *testing.F) {
	for _, seed := range []string{
		"Bearer TOKEN", "bearer  TOKEN ", "\tBEARER TOKEN", "Bearer\tTOKEN", "BearerTOKEN", "Bearer", "Bearer ", "Bearer TOKEN x", "Bearer TOKEN,Bearer TOKEN",
		"Basic eDp5", "Basic Bearer TOKEN", "\u2000Bearer TOKEN", "Bearer\u00a0TOKEN", "Bearer:TOKEN", "Bearer: TOKEN", "Bearer\xa0 TOKEN", "Bearer \u2000TOKEN", `Bearer "TOKEN"`, "DPoP TOKEN", "dpop", "DPoP\tTOKEN", "\u00a0DPoP TOKEN", "Basic DPoP", "TOKEN", "",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	w := newEnv(f)
	claims := w.claims()
	claims.Subject = "app"
	access, _, err := w.authority.IssueAccess(claims)
	check(f, err)
	claims.Subject = "browser"
	session, _, err := w.authority.IssueSession(claims)
	check(f, err)
	f.Fuzz(func(t *testing.T, value string, withCookie bool) {
		if !httpguts.ValidHeaderFieldValue(value) {
			return // no server hands this on
		}
		r := request("Authorization", strings.ReplaceAll(value, "TOKEN", access))
		if withCookie {
			r.Header.Set("Cookie", "__Host-itsme="+session)
		}
		want := ""
		switch {
		case exactBearer.MatchString(value):
			want = "app"
		case withCookie && !namedBearer.MatchString(value) && !strayDPoP.MatchString(value):
			want = "browser"
		}
		status, upstream := w.pass(r)
		if (upstream != nil) != (want != "") || (want == "" && status != http.StatusUnauthorized) || upstream.Get("X-Itsme-Subject") != want {
			t.Fatalf("%q is %q: %d, want %q", value, upstream.Get("X-Itsme-Subject"), status, want)
		}
		if want == "" {
			return
		}
		raw, ok := strings.CutPrefix(upstream.Get("Authorization"), "Bearer ")
		sent, err := w.authority.VerifyMinted(raw)
		if !ok || err != nil || sent.Subject != want || len(upstream["Authorization"]) != 1 {
			t.Errorf("%q: the upstream gets %q: %v", value, upstream["Authorization"], err)
		}
	})
}

// FuzzRefreshToken writes a refresh token. LOGIN stands for a login's ID, NEW for the signature of its unused
// token, number 3, and OLD for that of number 1. Only the one spelling of number 3 is exchanged. Number 1,
// which is older than the parent of the newest, ends the login. Any other text changes nothing.
func FuzzRefreshToken(f *testing.F) {
	for _, seed := range []string{
		"LOGIN~3~NEW", "LOGIN~1~OLD", "LOGIN~3~OLD", "LOGIN~1~NEW", "LOGIN~03~NEW", "LOGIN~+3~NEW", "LOGIN~3~NEW~", "LOGIN~3~NEW=", " LOGIN~3~NEW", "LOGIN~3~NEW\u2000",
		"LOGIN~4~NEW", "LOGIN~~NEW", "~3~NEW", "LOGIN~3", "LOGIN", "", "LOGIN~18446744073709551619~NEW", "LOGIN~1~", "login~3~NEW", "LOGIN~3~" + strings.Repeat("A", 300),
	} {
		f.Add(seed)
	}
	w := newEnv(f)
	w.rebuild(f, func(c *gateway.Config) {
		c.Token.Refresh, c.Limit.TokenPerClient = 24*time.Hour, 1<<30
	})
	login := 0
	f.Fuzz(func(t *testing.T, presented string) {
		login++
		family := &store.Family{
			ID: fmt.Sprintf("login%d", login), Secret: [32]byte{1}, Serial: 3, Kind: store.App, Subject: envSubject, ACR: "high", AuthTime: w.clock.now(), Claims: "{}",
			CreatedAt: w.clock.now(), AnsweredAt: w.clock.now().Add(-time.Hour), ExpiresAt: w.clock.now().Add(time.Hour),
		}
		check(t, w.store.CreateFamily(t.Context(), family))
		defer func() { _ = w.store.DeleteFamily(t.Context(), family.ID) }()
		raw := strings.NewReplacer("LOGIN", family.ID, "NEW", proofOf(family, 3), "OLD", proofOf(family, 1)).Replace(presented)

		status, body := w.post("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {raw}}.Encode())
		isNew, isOld := raw == family.ID+"~3~"+proofOf(family, 3), raw == family.ID+"~1~"+proofOf(family, 1)
		if (status == http.StatusOK) != isNew || (!isNew && status != http.StatusBadRequest) || strings.Contains(body, `"access_token"`) != isNew {
			t.Fatalf("%q: %d %s", presented, status, body)
		}
		if isNew && !strings.Contains(body, family.ID+"~4~"+proofOf(family, 4)) {
			t.Errorf("the successor is not number 4: %s", body)
		}
		kept, err := w.store.LoadFamily(t.Context(), family.ID)
		switch {
		case (err != nil) != isOld:
			t.Errorf("%q: the login ended: %t", presented, err != nil)
		case err == nil && (kept.Serial == 4) != isNew:
			t.Errorf("%q: the unused token is number %d", presented, kept.Serial)
		}
	})
}

// proofOf returns the last part of a refresh token.
func proofOf(f *store.Family, serial int) string {
	mac := hmac.New(sha256.New, f.Secret[:])
	_, _ = fmt.Fprintf(mac, "%s~%d", f.ID, serial)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// post sends a form to an endpoint of the gateway.
func (f *env) post(path, form string) (status int, body string) {
	r := httptest.NewRequest(http.MethodPost, envURL+gateway.DefaultPath+path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	f.site.Handler(http.NotFoundHandler()).ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// FuzzRevoke writes the form of /revoke. ACCESS and REFRESH stand for the two tokens of a login. The tokens
// stay valid after every form except one that names one of them exactly once.
func FuzzRevoke(f *testing.F) {
	for _, seed := range []string{
		"token=ACCESS", "token=REFRESH", "token=ACCESS&token_type_hint=refresh_token", "token=ACCESS&token=ACCESS", "token=REFRESH&token=x", "token=", "token", "",
		"Token=ACCESS", "token%20=ACCESS", "t%6Fken=ACCESS", "token=ACCESS;token=REFRESH", "token=ACCESS%20", "token=+REFRESH", "token=%zz&token=ACCESS", "x=y&token=REFRESH&token_type_hint=a&token_type_hint=b",
	} {
		f.Add(seed)
	}
	w := newEnv(f)
	w.rebuild(f, func(c *gateway.Config) {
		c.Token.Refresh, c.Limit.TokenPerClient = 24*time.Hour, 1<<30
	})
	login := 0
	f.Fuzz(func(t *testing.T, form string) {
		login++
		w.clock.advance(time.Hour) // what was revoked before is forgotten
		family := &store.Family{
			ID: fmt.Sprintf("login%d", login), Secret: [32]byte{1}, Serial: 1, Kind: store.App, Subject: envSubject, ACR: "high", AuthTime: w.clock.now(), Claims: "{}",
			CreatedAt: w.clock.now(), ExpiresAt: w.clock.now().Add(time.Hour),
		}
		check(t, w.store.CreateFamily(t.Context(), family))
		defer func() { _ = w.store.DeleteFamily(t.Context(), family.ID) }()
		claims := w.claims()
		claims.ID = family.ID + ".1"
		access, _, err := w.authority.IssueAccess(claims)
		check(t, err)
		refresh := family.ID + "~1~" + proofOf(family, 1)
		sent := strings.NewReplacer("ACCESS", access, "REFRESH", refresh).Replace(form)

		status, body := w.post("/revoke", sent)
		if status >= http.StatusInternalServerError || (status == http.StatusOK) != (body == "") {
			t.Errorf("%q: %d %s", form, status, body)
		}
		named := onlyToken(sent)
		if passed, _ := w.pass(request("Authorization", "Bearer "+access)); (passed == http.StatusOK) == (named == access || named == refresh) {
			t.Errorf("%q: the access token gets %d", form, passed)
		}
		if _, err := w.store.LoadFamily(t.Context(), family.ID); (err != nil) != (named == refresh) {
			t.Errorf("%q: the login ended: %t", form, err != nil)
		}
	})
}

// onlyToken returns the token of a well-formed form, or nothing.
func onlyToken(form string) string {
	values, err := url.ParseQuery(form)
	if err != nil || len(form) > gateway.MaxBody || len(values["token"]) != 1 || len(values["token_type_hint"]) > 1 {
		return ""
	}
	return values.Get("token")
}
