package main

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// joined returns the parts in the compact form of a JWT or JWE.
func joined(parts ...string) string {
	for i, part := range parts {
		parts[i] = base64.RawURLEncoding.EncodeToString([]byte(part))
	}
	return strings.Join(parts, ".")
}

func TestSealed(t *testing.T) {
	t.Parallel()
	const header = `{"alg":"A256KW","enc":"A256GCM","kid":"k","typ":"t","cty":"c"}`
	for name, row := range map[string]struct {
		text string
		want bool
	}{
		"a JWE":                     {joined(header, "\x01key", "\x02iv", "\x03content", "\x04tag"), true},
		"a signed token":            {joined(`{"alg":"ES256"}`, `{"name":"Lien Peeters"}`, "\x05"), false},
		"four parts":                {joined(header, "\x01", "\x02", "\x03"), false},
		"six parts":                 {joined(header, "\x01", "\x02", "\x03", "\x04", "\x05"), false},
		"claims as the content":     {joined(header, "\x01", "\x02", `{"acr":"high"}`, "\x04"), false},
		"a name in the content":     {joined(header, "\x01", "\x02", "\x03Lien Peeters", "\x04"), false},
		"a name in the header":      {joined(`{"enc":"A256GCM","kid":"Lien Peeters"}`, "\x01", "\x02", "\x03", "\x04"), false},
		"a claim in the header":     {joined(`{"alg":"A256KW","enc":"A256GCM","acr":"high"}`, "\x01", "\x02", "\x03", "\x04"), false},
		"a header of no encryption": {joined(`{"alg":"none"}`, "\x01", "\x02", "\x03", "\x04"), false},
		"a part that is no base64":  {joined(header, "\x01", "\x02", "\x03") + ".!", false},
		"five dots":                 {"....", false},
		"nothing":                   {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := sealed(row.text, []string{"Lien Peeters"}); got != row.want {
				t.Errorf("sealed is %t, want %t", got, row.want)
			}
		})
	}
}

// TestReadableCookieFailsTheDemo puts cookies of other gateways into the browser.
func TestReadableCookieFailsTheDemo(t *testing.T) {
	t.Parallel()
	at := url.URL{Scheme: "http", Host: loopback}
	seen := request{Headers: map[string]string{"X-Itsme-Name": "Lien Peeters", "X-Itsme-Acr": "high"}}
	for name, row := range map[string]struct {
		cookie *http.Cookie
		want   string
	}{
		"a signed token": {&http.Cookie{Name: "itsme", Value: joined(`{"alg":"ES256"}`, `{"name":"Lien Peeters"}`, "\x05")}, "the session cookie can be read"},
		"a random value": {&http.Cookie{Name: "itsme", Value: "c2VjcmV0"}, "the session cookie can be read"},
		"another cookie": {&http.Cookie{Name: "other", Value: "c2VjcmV0"}, "the browser has no session cookie"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := newBrowser(transcript{to: t.Output()}, at.String())
			if err != nil {
				t.Fatal(err)
			}
			b.Jar.SetCookies(&at, []*http.Cookie{row.cookie})
			got, err := b.encrypted(seen)
			if got || err == nil || err.Error() != row.want {
				t.Errorf("encrypted is %t and the error %v, want %s", got, err, row.want)
			}
		})
	}
}
