package dpop

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/dpoptest"
)

// The proofs and the thumbprint that RFC 9449 prints in sections 4.1, 6.1 and 7.1.
const (
	rfcTokenProof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19." +
		"eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ." +
		"2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
	rfcResourceProof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19." +
		"eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9." +
		"2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
	rfcToken      = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
	rfcThumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
)

// TestPrintedProofsHold: the proofs that the RFC prints hold for what they are for, and for nothing else.
func TestPrintedProofsHold(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	atToken := Request{Method: "POST", URL: "https://server.example.com/token"}
	atResource := Request{Method: "GET", URL: "https://resource.example.org/protectedresource", Token: rfcToken, Thumbprint: rfcThumbprint}
	for _, row := range []struct {
		raw  string
		at   int64
		want Request
	}{{rfcTokenProof, 1562262616, atToken}, {rfcResourceProof, 1562262618, atResource}} {
		e.now = time.Unix(row.at, 0)
		p, err := e.pass(row.raw, row.want)
		if err != nil || p.Thumbprint != rfcThumbprint {
			t.Errorf("the proof of %s is of key %q: %v", row.want.URL, p.Thumbprint, err)
		}
	}
	for name, r := range map[string]Request{
		"another method": {Method: "POST", URL: atResource.URL, Token: rfcToken},
		"another URL":    {Method: "GET", URL: atToken.URL, Token: rfcToken},
		"another token":  {Method: "GET", URL: atResource.URL, Token: rfcToken + "x"},
		"another key":    {Method: "GET", URL: atResource.URL, Token: rfcToken, Thumbprint: rfcThumbprint[1:] + "A"},
	} {
		if _, err := e.Check(rfcResourceProof, r); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestProofIsOfItsRequest: a thief who saw a proof changes one thing and presents the rest.
func TestProofIsOfItsRequest(t *testing.T) {
	t.Parallel()
	key, other := dpoptest.NewKey(t), dpoptest.NewKey(t)
	good := func() dpoptest.Proof { return dpoptest.Proof{Method: "GET", URL: resource, Token: "access"} }
	header := func(name string, value any) func(*dpoptest.Proof) {
		return func(p *dpoptest.Proof) { p.Header = map[string]any{name: value} }
	}
	payload := func(name string, value any) func(*dpoptest.Proof) {
		return func(p *dpoptest.Proof) { p.Payload = map[string]any{name: value} }
	}
	jwk := func(name string, value any) func(*dpoptest.Proof) {
		members := key.JWK()
		if members[name] = value; value == nil {
			delete(members, name)
		}
		return header("jwk", members)
	}
	for _, row := range []struct {
		name   string
		change func(*dpoptest.Proof)
		want   error
	}{
		{"complete", func(*dpoptest.Proof) {}, nil},
		{"an unknown member in its header", header("kid", "x"), nil},
		{"an unknown member in its payload", payload("exp", 1), nil},
		{"a jti of 256 characters", payload("jti", strings.Repeat("é", 256)), nil},

		{"another method", payload("htm", "POST"), ErrProof},
		{"the method in lower case", payload("htm", "get"), ErrProof},
		{"another path", payload("htu", resource+"/1"), ErrProof},
		{"another host", payload("htu", "https://evil.example/accounts"), ErrProof},
		{"another scheme", payload("htu", "http://api.example.be/accounts"), ErrProof},
		{"another port", payload("htu", "https://api.example.be:8443/accounts"), ErrProof},
		{"a path alone", payload("htu", "/accounts"), ErrProof},
		{"another token", payload("ath", "x"), ErrProof},
		{"no token", payload("ath", nil), ErrProof},
		{"another typ", header("typ", "at+jwt"), ErrProof},
		{"no typ", header("typ", nil), ErrProof},
		{"alg none", header("alg", "none"), ErrProof},
		{"alg ES384", header("alg", "ES384"), ErrProof},
		{"alg HS256", header("alg", "HS256"), ErrProof},
		{"an empty crit", header("crit", []string{}), ErrProof},
		{"no jwk", header("jwk", nil), ErrProof},
		{"a jwk that is a text", header("jwk", "x"), ErrProof},
		{"another key than the one that signed", header("jwk", other.JWK()), ErrProof},
		{"a private member", jwk("d", "AA"), ErrProof},
		{"a kid in the jwk", jwk("kid", "x"), ErrProof},
		{"no y", jwk("y", nil), ErrProof},
		{"another curve", jwk("crv", "P-384"), ErrProof},
		{"another type of key", jwk("kty", "RSA"), ErrProof},
		{"a short coordinate", jwk("x", "AA"), ErrProof},
		{"a padded coordinate", jwk("x", key.JWK()["x"].(string)+"="), ErrProof},
		{"a point off the curve", jwk("x", strings.Repeat("A", 43)), ErrProof},
		{"no htm", payload("htm", nil), ErrProof},
		{"no htu", payload("htu", nil), ErrProof},
		{"no jti", payload("jti", nil), ErrProof},
		{"an empty jti", payload("jti", ""), ErrProof},
		{"a jti of 257 characters", payload("jti", strings.Repeat("x", 257)), ErrProof},
		{"a jti that is a number", payload("jti", 1), ErrProof},
		{"no iat", payload("iat", nil), ErrProof},
		{"an iat with a fraction", payload("iat", 1_773_921_600.5), ErrProof},
		{"an iat that is a text", payload("iat", "1773921600"), ErrProof},
		{"an iat that is negative", payload("iat", -1), ErrProof},
		{"an empty nonce", payload("nonce", ""), ErrProof},
		{"a nonce that is a number", payload("nonce", 1), ErrProof},
		{"too large", payload("x", strings.Repeat("x", MaxProof)), ErrProof},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			p := good()
			p.At = e.now
			row.change(&p)
			raw := key.Sign(t, p)
			_, err := e.Check(raw, Request{Method: "GET", URL: resource, Token: "access", Thumbprint: key.Thumbprint()})
			if !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
			if err != nil && strings.Contains(raw, err.Error()) {
				t.Errorf("the error repeats the proof: %v", err)
			}
		})
	}
}

// TestProofIsReadOneWay: a proof that two readers read differently must not pass with one of them.
func TestProofIsReadOneWay(t *testing.T) {
	t.Parallel()
	e, key := newEnv(t), dpoptest.NewKey(t)
	x, y := key.JWK()["x"].(string), key.JWK()["y"].(string)
	header := `{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + y + `"}}`
	payload := `{"jti":"1","htm":"GET","htu":"` + resource + `","iat":1773921600}`
	good := key.SignText(t, header, payload)
	again := func(text, member string) string { return strings.TrimSuffix(text, "}") + "," + member + "}" }
	for name, raw := range map[string]string{
		"of another key":          dpoptest.NewKey(t).SignText(t, header, payload),
		"alg twice":               key.SignText(t, again(header, `"alg":"ES256"`), payload),
		"jwk twice":               key.SignText(t, again(header, `"jwk":{}`), payload),
		"x twice":                 key.SignText(t, strings.Replace(header, `"x":`, `"x":"AA","x":`, 1), payload),
		"htu twice":               key.SignText(t, header, again(payload, `"htu":"https://evil.example/"`)),
		"htu twice, once escaped": key.SignText(t, header, again(payload, `"\u0068tu":"https://evil.example/"`)),
		"an array":                key.SignText(t, header, `[`+payload+`]`),
		"two objects":             key.SignText(t, header, payload+payload),
		"not UTF-8":               key.SignText(t, header, again(payload, "\"x\":\"\xff\"")),
		"no parts":                "x",
		"two parts":               "x.y",
		"nothing":                 "",
		"four parts":              good + ".x",
		"padding":                 good + "=",
		"a line break":            strings.Replace(good, ".", ".\n", 1),
		"a comma and another":     good + "," + good,
		"a short signature":       good[:len(good)-1],
		"no signature":            good[:strings.LastIndexByte(good, '.')+1],
		"a signature of zeros":    good[:strings.LastIndexByte(good, '.')+1] + strings.Repeat("A", 86),
	} {
		if _, err := e.Check(raw, Request{Method: "GET", URL: resource}); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := e.Check(good, Request{Method: "GET", URL: resource}); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestThereIsOneProof(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string][]string{
		"none": nil, "two": {"x", "y"}, "the same twice": {"x", "x"}, "too large": {strings.Repeat("x", MaxProof+1)},
	} {
		if _, err := One(lines); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if raw, err := One([]string{"x"}); raw != "x" || err != nil {
		t.Errorf("got %q, %v", raw, err)
	}
}

// FuzzCheck: no bytes that a client sends may panic, pass, or be repeated in an error.
func FuzzCheck(f *testing.F) {
	f.Add(rfcTokenProof)
	f.Add(rfcResourceProof)
	f.Add("..")
	e := newEnv(f)
	f.Fuzz(func(t *testing.T, raw string) {
		p, err := e.Check(raw, Request{Method: "POST", URL: "https://server.example.com/token"})
		if err == nil {
			t.Fatalf("a proof of 2019 passes as %v", p)
		}
	})
}

// BenchmarkCheck checks a proof without using it up, and with a nonce.
func BenchmarkCheck(b *testing.B) {
	e, key := newEnv(b), dpoptest.NewKey(b)
	for name, nonce := range map[string]string{"by its iat": "", "by its nonce": newNonce(e.keys.KeySet(), issuer, e.now)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			raw := key.Sign(b, dpoptest.Proof{Method: "GET", URL: resource, Token: "access", At: e.now, Nonce: nonce})
			for b.Loop() {
				if _, err := e.Check(raw, Request{Method: "GET", URL: resource, Token: "access", Thumbprint: key.Thumbprint()}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
