package attack_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// goodToken is the header and payload of a token that is accepted; the attacks differ from it in one
// thing each.
func (v *vault) goodToken() (header, payload string) {
	now := v.opened.Unix()
	return `{"alg":"ES256","typ":"at+jwt","kid":"` + v.key.ID() + `"}`,
		fmt.Sprintf(`{"iss":"%s","aud":"%s","sub":"victim","exp":%d,"iat":%d,"jti":"bG9naW4","client_id":"%s",`+
			`"auth_time":%d,"acr":"high","idp":"itsme"}`, v.URL, v.URL, now+600, now, v.Addr, now)
}

// changed replaces what must be there.
func (v *vault) changed(text, old, with string) string {
	v.t.Helper()
	if !strings.Contains(text, old) {
		v.t.Fatalf("no %s in %s", old, text)
	}
	return strings.Replace(text, old, with, 1)
}

// hmac signs a good token with the public key, which everybody has, as the secret.
func (v *vault) hmac(method *jwt.SigningMethodHMAC, secret []byte) string {
	v.t.Helper()
	header, payload := v.goodToken()
	input := base64url(v.changed(header, "ES256", method.Alg())) + "." + base64url(payload)
	signature, err := method.Sign(input, secret)
	if err != nil {
		v.t.Fatal(err)
	}
	return input + "." + base64url(string(signature))
}

// publicKey is the gateway's public key as DER, PEM and JWKS.
func (v *vault) publicKey() (der, text, jwks []byte) {
	v.t.Helper()
	block, _ := pem.Decode(v.pem)
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		v.t.Fatal(err)
	}
	if der, err = x509.MarshalPKIXPublicKey(&private.(*ecdsa.PrivateKey).PublicKey); err != nil {
		v.t.Fatal(err)
	}
	return der, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), []byte(v.ask(http.MethodGet, "/itsme/jwks.json").Body)
}

// badHeaders are tokens that say themselves how to verify them, signed by the gateway's own key where
// nothing else is said.
func (v *vault) badHeaders() map[string]string {
	header, payload := v.goodToken()
	with := func(old, new string) string { return v.forge(v.changed(header, old, new), payload) }
	plus := func(member string) string { return v.forge(strings.TrimSuffix(header, "}")+","+member+"}", payload) }
	kid := `"` + v.key.ID() + `"`
	der, text, jwks := v.publicKey()
	return map[string]string{
		"alg none":              base64url(v.changed(header, "ES256", "none")) + "." + base64url(payload) + ".",
		"alg nOnE, signed":      with("ES256", "nOnE"),
		"alg HS256, signed":     with("ES256", "HS256"),
		"alg RS256, signed":     with("ES256", "RS256"),
		"alg twice":             plus(`"alg":"none"`),
		"HMAC with the PEM":     v.hmac(jwt.SigningMethodHS256, text),
		"HMAC with the DER":     v.hmac(jwt.SigningMethodHS512, der),
		"HMAC with the JWKS":    v.hmac(jwt.SigningMethodHS384, jwks),
		"HMAC with nothing":     v.hmac(jwt.SigningMethodHS256, nil),
		"kid missing":           with(`,"kid":`+kid, ""),
		"kid a path":            with(kid, `"../../../../dev/null"`),
		"kid SQL":               with(kid, `"' OR 1=1 --"`),
		"kid a URL":             with(kid, `"`+v.signicat.URL+`/keys"`),
		"kid of 4 kB":           with(kid, `"`+strings.Repeat("A", 4<<10)+`"`),
		"kid of 64 kB":          with(kid, `"`+strings.Repeat("A", 64<<10)+`"`),
		"typ of an ID token":    with("at+jwt", "JWT"),
		"typ of a session":      with("at+jwt", "session+jwt"),
		"typ missing":           with(`"typ":"at+jwt",`, ""),
		"a URL of other keys":   plus(`"jku":"` + v.signicat.URL + `/jwks.json"`),
		"a URL of certificates": plus(`"x5u":"` + v.signicat.URL + `"`),
		"a key of its own":      plus(`"jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`),
		"critical extensions":   plus(`"crit":["exp"]`),
		"a payload not encoded": plus(`"b64":false,"crit":["b64"]`),
		"a JWE":                 base64url(`{"alg":"ECDH-ES","enc":"A256GCM","kid":`+kid+`}`) + "..AAAA.AAAA.AAAA",
	}
}

// badPayloads are signed by the gateway's own key and say what no gateway would.
func (v *vault) badPayloads() map[string]string {
	header, payload := v.goodToken()
	with := func(old, new string) string { return v.forge(header, v.changed(payload, old, new)) }
	now := v.opened.Unix()
	end := fmt.Sprintf(`"exp":%d`, now+600)
	issuer, audience := `"iss":"`+v.URL+`"`, `"aud":"`+v.URL+`"`
	return map[string]string{
		"no end":                with(end+",", ""),
		"ended":                 with(end, fmt.Sprintf(`"exp":%d`, now-120)),
		"an end as text":        with(end, fmt.Sprintf(`"exp":"%d"`, now+600)),
		"an end with fraction":  with(end, end+".5"),
		"an end at 1e300":       with(end, `"exp":1e300`),
		"a negative end":        with(end, `"exp":-1`),
		"issued in the future":  with(fmt.Sprintf(`"iat":%d`, now), fmt.Sprintf(`"iat":%d`, now+300)),
		"not yet valid":         with(`"sub"`, fmt.Sprintf(`"nbf":%d,"sub"`, now+300)),
		"another issuer":        with(issuer, `"iss":"https://evil.example"`),
		"another audience":      with(audience, `"aud":"https://evil.example"`),
		"a list of others":      with(audience, `"aud":["https://evil.example"]`),
		"a session's audience":  with(audience, `"aud":"`+v.URL+`/itsme"`),
		"two subjects":          with(`"sub":"victim"`, `"sub":"attacker","sub":"victim"`),
		"two subjects, escaped": with(`"sub":"victim"`, `"sub":"attacker","s\u0075b":"victim"`),
		"a sibling gateway's":   v.access(siblingURL, "victim"),
		"a session's token":     v.session(v.URL, "victim"),
	}
}

// badForms are a good token in pieces, and what never was one.
func (v *vault) badForms() map[string]string {
	good := v.forge(v.goodToken())
	part, other := strings.Split(good, "."), strings.Split(v.access(v.URL, "somebody"), ".")
	return map[string]string{
		"nothing":              "",
		"garbage":              "garbage",
		"dots":                 "..",
		"10 kB of dots":        strings.Repeat(".", 10<<10),
		"a megabyte of dots":   strings.Repeat(".", 1<<20),
		"no signature":         part[0] + "." + part[1] + ".",
		"two parts":            part[0] + "." + part[1],
		"another's signature":  part[0] + "." + part[1] + "." + other[2],
		"another's payload":    part[0] + "." + other[1] + "." + part[2],
		"padding":              good + "=",
		"a comma behind":       good + ",",
		"a word behind":        good + " x",
		"another token behind": good + ", Bearer " + good,
	}
}

// TestForgedTokenReachesNobody has an attacker who even got hold of the signing key present tokens
// that no gateway issues, wherever a token counts. Whoever accepted one would let in everybody who can
// read the JWKS, or who was logged in to something else.
func TestForgedTokenReachesNobody(t *testing.T) {
	v := openVault(t)
	v.wantSubject(t, v.ask(http.MethodGet, "/", bearerLine(v.forge(v.goodToken()))), "victim")
	for _, forgeries := range []map[string]string{v.badHeaders(), v.badPayloads(), v.badForms()} {
		for name, raw := range forgeries {
			t.Run(name, func(t *testing.T) {
				status := http.StatusUnauthorized
				if len(raw) > 32<<10 {
					status = http.StatusRequestHeaderFieldsTooLarge // Caddy's own bound
				}
				for _, target := range []string{"/", "/optional/", "/itsme/userinfo"} {
					v.wantRefused(t, v.ask(http.MethodGet, target, bearerLine(raw)), status)
					// The good cookie beside it is not what the client wants to be known by.
					v.wantRefused(t, v.ask(http.MethodGet, target, bearerLine(raw), cookieLine(v.session(v.URL, "victim"))), status)
				}
			})
		}
	}
}

// TestGatewayRefusesItsSiblingsTokens presents what one gateway issued to another one of the same
// Caddy, with the same key.
func TestGatewayRefusesItsSiblingsTokens(t *testing.T) {
	v := openVault(t)
	ours, siblings := v.access(v.URL, "victim"), v.access(siblingURL, "victim")
	v.wantSubject(t, v.ask(http.MethodGet, "/", bearerLine(ours)), "victim")
	v.wantSubject(t, v.ask(http.MethodGet, "/sibling/", bearerLine(siblings)), "victim")
	v.wantRefused(t, v.ask(http.MethodGet, "/sibling/", bearerLine(ours)), http.StatusUnauthorized)
	v.wantRefused(t, v.ask(http.MethodGet, "/", bearerLine(siblings)), http.StatusUnauthorized)
	v.wantRefused(t, v.ask(http.MethodGet, "/", cookieLine(v.session(siblingURL, "victim"))), http.StatusUnauthorized)
}

// TestOneKindOfTokenNeverCountsAsTheOther presents a browser's cookie as a bearer token, which every
// script of the page's host could then use anywhere, and a bearer token as a cookie, which would log
// a browser in that somebody planted it in.
func TestOneKindOfTokenNeverCountsAsTheOther(t *testing.T) {
	v := openVault(t)
	access, session := v.access(v.URL, "victim"), v.session(v.URL, "victim")
	v.wantSubject(t, v.ask(http.MethodGet, "/", cookieLine(session)), "victim")
	v.wantRefused(t, v.ask(http.MethodGet, "/", bearerLine(session)), http.StatusUnauthorized)
	v.wantRefused(t, v.ask(http.MethodGet, "/itsme/userinfo", bearerLine(session)), http.StatusUnauthorized)
	answer := v.ask(http.MethodGet, "/", cookieLine(access))
	v.wantRefused(t, answer, http.StatusUnauthorized)
	if !strings.HasPrefix(answer.Header.Get("Set-Cookie"), "itsme=; ") {
		t.Errorf("the planted cookie stays: %q", answer.Header["Set-Cookie"])
	}
}
