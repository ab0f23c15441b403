package attack_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-itsme/caddy-itsme/token"
)

const siblingURL = "https://sibling.example.be"

// newTwinEnv is an environment with two gateways that sign with one key. The attacker of the tests has that
// key, so that a forged token is refused for its content.
func newTwinEnv(t *testing.T) *env {
	t.Helper()
	const gateway = `
		SIGNICAT
		attributes name
		token {
			key KEY
		}
	}
	`
	return newEnv(t, `{
	itsme {
		public_url http://{{addr}}`+gateway+`
	itsme sibling {
		public_url `+siblingURL+gateway+`
}
http://{{addr}} {
	handle /sibling/* {
		itsme {
			use sibling
		}
		reverse_proxy UPSTREAM
	}
	handle /optional/* {
		itsme {
			optional
		}
		reverse_proxy UPSTREAM
	}
	handle {
		itsme
		reverse_proxy UPSTREAM
	}
}`)
}

// keyID is the ID of the signing key.
func (e *env) keyID() string {
	e.t.Helper()
	key, err := token.ParseKey(e.key, "")
	if err != nil {
		e.t.Fatal(err)
	}
	return key.ID()
}

// goodToken returns the header and payload of a token that is accepted. Each attack changes one thing in it.
func (e *env) goodToken() (header, payload string) {
	now := e.started.Unix()
	return `{"alg":"ES256","typ":"at+jwt","kid":"` + e.keyID() + `"}`,
		fmt.Sprintf(`{"iss":"%s","aud":"%s","sub":"victim","exp":%d,"iat":%d,"jti":"bG9naW4","client_id":"%s",`+
			`"auth_time":%d,"acr":"high","idp":"itsme"}`, e.URL, e.URL, now+600, now, e.Addr, now)
}

// changed replaces a text that must be there.
func (e *env) changed(text, old, with string) string {
	e.t.Helper()
	if !strings.Contains(text, old) {
		e.t.Fatalf("no %s in %s", old, text)
	}
	return strings.Replace(text, old, with, 1)
}

// hmac signs a good token with the public key, which every client can read, as the secret.
func (e *env) hmac(method *jwt.SigningMethodHMAC, secret []byte) string {
	e.t.Helper()
	header, payload := e.goodToken()
	input := base64url(e.changed(header, "ES256", method.Alg())) + "." + base64url(payload)
	signature, err := method.Sign(input, secret)
	if err != nil {
		e.t.Fatal(err)
	}
	return input + "." + base64url(string(signature))
}

// publicKey returns the gateway's public key as DER, PEM and JWKS.
func (e *env) publicKey() (der, text, jwks []byte) {
	e.t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&e.privateKey().PublicKey)
	if err != nil {
		e.t.Fatal(err)
	}
	return der, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), []byte(e.ask(http.MethodGet, "/itsme/jwks.json").Body)
}

// badHeaders are tokens whose header names its own key or algorithm. The gateway's own key signs them unless
// the name says otherwise.
func (e *env) badHeaders() map[string]string {
	header, payload := e.goodToken()
	with := func(old, new string) string { return e.forge(e.changed(header, old, new), payload) }
	plus := func(member string) string { return e.forge(strings.TrimSuffix(header, "}")+","+member+"}", payload) }
	kid := `"` + e.keyID() + `"`
	der, text, jwks := e.publicKey()
	return map[string]string{
		"alg none":              base64url(e.changed(header, "ES256", "none")) + "." + base64url(payload) + ".",
		"alg nOnE, signed":      with("ES256", "nOnE"),
		"alg HS256, signed":     with("ES256", "HS256"),
		"alg RS256, signed":     with("ES256", "RS256"),
		"alg twice":             plus(`"alg":"none"`),
		"HMAC with the PEM":     e.hmac(jwt.SigningMethodHS256, text),
		"HMAC with the DER":     e.hmac(jwt.SigningMethodHS512, der),
		"HMAC with the JWKS":    e.hmac(jwt.SigningMethodHS384, jwks),
		"HMAC with nothing":     e.hmac(jwt.SigningMethodHS256, nil),
		"kid missing":           with(`,"kid":`+kid, ""),
		"kid a path":            with(kid, `"../../../../dev/null"`),
		"kid SQL":               with(kid, `"' OR 1=1 --"`),
		"kid a URL":             with(kid, `"`+e.Signicat.URL+`/keys"`),
		"kid of 4 kB":           with(kid, `"`+strings.Repeat("A", 4<<10)+`"`),
		"kid of 64 kB":          with(kid, `"`+strings.Repeat("A", 64<<10)+`"`),
		"typ of an ID token":    with("at+jwt", "JWT"),
		"typ of a session":      with("at+jwt", "session+jwt"),
		"typ missing":           with(`"typ":"at+jwt",`, ""),
		"a URL of other keys":   plus(`"jku":"` + e.Signicat.URL + `/jwks.json"`),
		"a URL of certificates": plus(`"x5u":"` + e.Signicat.URL + `"`),
		"a key of its own":      plus(`"jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`),
		"critical extensions":   plus(`"crit":["exp"]`),
		"a payload not encoded": plus(`"b64":false,"crit":["b64"]`),
		"a JWE":                 base64url(`{"alg":"ECDH-ES","enc":"A256GCM","kid":`+kid+`}`) + "..AAAA.AAAA.AAAA",
	}
}

// badPayloads are tokens that the gateway's own key signs, with a payload that no gateway issues.
func (e *env) badPayloads() map[string]string {
	header, payload := e.goodToken()
	with := func(old, new string) string { return e.forge(header, e.changed(payload, old, new)) }
	now := e.started.Unix()
	end := fmt.Sprintf(`"exp":%d`, now+600)
	issuer, audience := `"iss":"`+e.URL+`"`, `"aud":"`+e.URL+`"`
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
		"a session's audience":  with(audience, `"aud":"`+e.URL+`/itsme"`),
		"two subjects":          with(`"sub":"victim"`, `"sub":"attacker","sub":"victim"`),
		"two subjects, escaped": with(`"sub":"victim"`, `"sub":"attacker","s\u0075b":"victim"`),
		"a sibling gateway's":   e.access(siblingURL, "victim"),
		"a session's token":     e.session(e.URL, "victim"),
	}
}

// badForms are parts of a good token, and texts that are no token.
func (e *env) badForms() map[string]string {
	good := e.forge(e.goodToken())
	part, other := strings.Split(good, "."), strings.Split(e.access(e.URL, "another"), ".")
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

// TestForgedTokenReachesNobody has an attacker who holds the signing key present tokens that no gateway
// issues, wherever a token counts. A gateway that accepts one lets in every client that can read the JWKS or
// holds a token of another service.
func TestForgedTokenReachesNobody(t *testing.T) {
	e := newTwinEnv(t)
	e.wantSubject(t, e.ask(http.MethodGet, "/", bearerLine(e.forge(e.goodToken()))), "victim")
	for _, forgeries := range []map[string]string{e.badHeaders(), e.badPayloads(), e.badForms()} {
		for name, raw := range forgeries {
			t.Run(name, func(t *testing.T) {
				status := http.StatusUnauthorized
				if len(raw) > 32<<10 {
					status = http.StatusRequestHeaderFieldsTooLarge // Caddy's own bound
				}
				for _, target := range []string{"/", "/optional/", "/itsme/userinfo"} {
					e.wantRefused(t, e.ask(http.MethodGet, target, bearerLine(raw)), status)
					// The valid cookie beside it does not count: the client presented a token.
					e.wantRefused(t, e.ask(http.MethodGet, target, bearerLine(raw), cookieLine(e.session(e.URL, "victim"))), status)
				}
			})
		}
	}
}

// TestGatewayRefusesItsSiblingsTokens presents a token of one gateway to another gateway of the same Caddy,
// which has the same key.
func TestGatewayRefusesItsSiblingsTokens(t *testing.T) {
	e := newTwinEnv(t)
	ours, siblings := e.access(e.URL, "victim"), e.access(siblingURL, "victim")
	e.wantSubject(t, e.ask(http.MethodGet, "/", bearerLine(ours)), "victim")
	e.wantSubject(t, e.ask(http.MethodGet, "/sibling/", bearerLine(siblings)), "victim")
	e.wantRefused(t, e.ask(http.MethodGet, "/sibling/", bearerLine(ours)), http.StatusUnauthorized)
	e.wantRefused(t, e.ask(http.MethodGet, "/", bearerLine(siblings)), http.StatusUnauthorized)
	e.wantRefused(t, e.ask(http.MethodGet, "/", cookieLine(e.session(siblingURL, "victim"))), http.StatusUnauthorized)
}

// TestOneKindOfTokenNeverCountsAsTheOther presents a browser's cookie as a bearer token, which scripts of the
// page's host could then use everywhere. It presents a bearer token as a cookie, which an attacker could plant
// to log a browser in.
func TestOneKindOfTokenNeverCountsAsTheOther(t *testing.T) {
	e := newTwinEnv(t)
	access, session := e.access(e.URL, "victim"), e.session(e.URL, "victim")
	e.wantSubject(t, e.ask(http.MethodGet, "/", cookieLine(session)), "victim")
	e.wantRefused(t, e.ask(http.MethodGet, "/", bearerLine(session)), http.StatusUnauthorized)
	e.wantRefused(t, e.ask(http.MethodGet, "/itsme/userinfo", bearerLine(session)), http.StatusUnauthorized)
	answer := e.ask(http.MethodGet, "/", cookieLine(access))
	e.wantRefused(t, answer, http.StatusUnauthorized)
	if !strings.HasPrefix(answer.Header.Get("Set-Cookie"), "itsme=; ") {
		t.Errorf("the planted cookie stays: %q", answer.Header["Set-Cookie"])
	}
}
