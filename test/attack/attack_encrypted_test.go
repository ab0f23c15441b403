package attack_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// sensitiveClaims puts the national number into the tokens, and lets them be refreshed.
const sensitiveClaims = `token {
			claims  name nin
			refresh 30d
			ENCRYPTED
		}`

func encryptedTokens(line string) string {
	return strings.ReplaceAll(sensitiveClaims, "ENCRYPTED", line)
}

// wantOpaque decodes every part of a token, and looks for what the gateway knows of the user.
func wantOpaque(t *testing.T, e *env, name, raw string) {
	t.Helper()
	parts := strings.Split(raw, ".")
	if len(parts) != 5 {
		t.Errorf("%s has %d parts, want the 5 of a JWE", name, len(parts))
	}
	person := e.Signicat.Personas()[0]
	for _, part := range parts {
		data, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, known := range []string{person.Attributes["name"], person.NIN, `"sub"`, `"acr"`, "exp", "eyJ"} {
			if known == "" || strings.Contains(string(data), known) {
				t.Errorf("%s shows %q", name, known)
			}
		}
	}
}

// bearerOf returns the access token that the upstream got.
func (e *env) bearerOf(t *testing.T) string {
	t.Helper()
	_, got, ok := strings.Cut(strings.Join(e.upstream.Take(), ""), "Authorization: Bearer ")
	got, _, _ = strings.Cut(got, "\r\n")
	if !ok {
		t.Error("the upstream got no bearer token")
	}
	return got
}

// wantReadable checks that an upstream can read and verify the token that it got.
func (e *env) wantReadable(t *testing.T, person signicattest.Persona) {
	t.Helper()
	raw := e.bearerOf(t)
	if n := strings.Count(raw, "."); n != 2 {
		t.Errorf("the upstream got a token with %d dots, want a signed one", n)
	}
	payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(raw+"..", ".")[1])
	if !strings.Contains(string(payload), person.NIN) {
		t.Errorf("the upstream's token lacks the national number: %s", payload)
	}
}

// TestSessionCookieIsOpaque reads a browser's cookie, as malware, a shared computer or a log of headers shows it.
func TestSessionCookieIsOpaque(t *testing.T) {
	e := newLoginEnv(t, encryptedTokens(""))
	browser := e.browser(t)
	back, _, _ := e.approved(t, browser.start("/account"))
	browser.get(back)
	cookie := browser.value("itsme")
	wantOpaque(t, e, "the cookie", cookie)
	e.upstream.Take()
	browser.get("/account")
	e.wantReadable(t, e.Signicat.Personas()[0])
	if answer := e.ask(http.MethodGet, "/", bearerLine(cookie)); answer.Status != http.StatusUnauthorized {
		t.Errorf("the cookie as an app's token: %d", answer.Status)
	}
}

// TestEncryptedTokenIsOpaque reads an app's token, as the user of the phone or a log of headers shows it. The refreshed
// one is opaque too, and the upstream gets one that it can read.
func TestEncryptedTokenIsOpaque(t *testing.T) {
	e := newLoginEnv(t, encryptedTokens("encrypted"))
	app := e.NewApp()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	first := app.Redeem(t, code, state)
	next := app.Post(t, "/token", map[string][]string{"grant_type": {"refresh_token"}, "refresh_token": {first.Text("refresh_token")}})
	for name, raw := range map[string]string{"the token": first.Text("access_token"), "the refreshed token": next.Text("access_token")} {
		wantOpaque(t, e, name, raw)
		e.upstream.Take()
		for range 2 { // the second time it is kept
			if answer := app.Call(t, "/x", raw); answer.Status != http.StatusOK {
				t.Fatalf("%s: %d", name, answer.Status)
			}
			e.wantReadable(t, e.Signicat.Personas()[0])
		}
		if answer := e.ask(http.MethodGet, "/", cookieLine(raw)); answer.Status != http.StatusUnauthorized {
			t.Errorf("%s as a cookie: %d", name, answer.Status)
		}
		if answer := app.Call(t, "/itsme/userinfo", raw); answer.Status != http.StatusOK || !strings.Contains(answer.Body, e.Signicat.Personas()[0].NIN) {
			t.Errorf("userinfo of %s: %d %s", name, answer.Status, answer.Body)
		}
	}
	if answer := app.Call(t, "/x", e.access(e.publicURL, "stranger")); answer.Status != http.StatusUnauthorized {
		t.Errorf("a token of another key: %d", answer.Status)
	}
}
