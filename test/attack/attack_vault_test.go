package attack_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// vault is a Caddy with two gateways that sign with one key, which the attacker has got hold of: what
// is refused is refused for what it says.
type vault struct {
	*caddytest.Server
	t        *testing.T
	pem      []byte
	key      *token.Key
	upstream *rawhttptest.Upstream
	signicat *signicattest.Server
	opened   time.Time
}

const siblingURL = "https://sibling.example.be"

func openVault(t *testing.T) *vault {
	t.Helper()
	sim, err := signicattest.Start(signicattest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	v := &vault{t: t, pem: keystest.PEM(t), upstream: rawhttptest.NewUpstream(t), signicat: sim, opened: time.Now()}
	if v.key, err = token.ParseKey(v.pem, ""); err != nil {
		t.Fatal(err)
	}
	options := `
		signicat {
			client_id     ` + signicattest.DefaultClientID + `
			client_secret ` + signicattest.DefaultClientSecret + `
			api_url       ` + sim.URL + `
		}
		attributes name
		token {
			key ` + keystest.File(t, v.pem) + `
		}
	}
	`
	v.Server = caddytest.Run(t, `{
	itsme {
		public_url http://{{addr}}`+options+`
	itsme sibling {
		public_url `+siblingURL+options+`
}
http://{{addr}} {
	handle /sibling/* {
		itsme {
			use sibling
		}
		reverse_proxy `+v.upstream.Addr()+`
	}
	handle /optional/* {
		itsme {
			optional
		}
		reverse_proxy `+v.upstream.Addr()+`
	}
	handle {
		itsme
		reverse_proxy `+v.upstream.Addr()+`
	}
}`)
	return v
}

// authority issues what the gateway with that public_url issues.
func (v *vault) authority(publicURL string) *token.Authority {
	v.t.Helper()
	_, host, _ := strings.Cut(publicURL, "://")
	a, err := token.NewAuthority(token.Config{
		Issuer: publicURL, Audience: []string{publicURL}, ClientID: host,
		SessionAudience: publicURL + "/itsme", Lifetime: time.Hour, SessionLifetime: time.Hour,
	}, keystest.Of(v.t, v.key))
	if err != nil {
		v.t.Fatal(err)
	}
	return a
}

// access and session are tokens of a person, issued in the order of things.
func (v *vault) access(publicURL, subject string) string {
	v.t.Helper()
	raw, _, err := v.authority(publicURL).IssueAccess(token.Claims{Subject: subject, ACR: "high", AuthTime: time.Now()})
	if err != nil {
		v.t.Fatal(err)
	}
	return raw
}

func (v *vault) session(publicURL, subject string) string {
	v.t.Helper()
	raw, _, err := v.authority(publicURL).IssueSession(token.Claims{Subject: subject, ACR: "high", AuthTime: time.Now()})
	if err != nil {
		v.t.Fatal(err)
	}
	return raw
}

// forge signs any header and payload with the gateways' own key.
func (v *vault) forge(header, payload string) string {
	v.t.Helper()
	block, _ := pem.Decode(v.pem)
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		v.t.Fatal(err)
	}
	input := base64url(header) + "." + base64url(payload)
	signature, err := jwt.SigningMethodES256.Sign(input, private.(*ecdsa.PrivateKey))
	if err != nil {
		v.t.Fatal(err)
	}
	return input + "." + base64url(string(signature))
}

func base64url(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// ask sends a request as it is, with header lines, and an empty body.
func (v *vault) ask(method, target string, lines ...string) rawhttptest.Answer {
	v.t.Helper()
	return v.send(method, target, "", lines...)
}

func (v *vault) send(method, target, body string, lines ...string) rawhttptest.Answer {
	v.t.Helper()
	return rawhttptest.Do(v.t, v.Addr, head(method, target, v.Addr, lines...)+"\r\n"+body)
}

// wantRefused checks that a request was refused, cost Signicat nothing and the upstream no byte.
func (v *vault) wantRefused(t *testing.T, answer rawhttptest.Answer, status int) {
	t.Helper()
	if answer.Status != status {
		t.Errorf("got %d %q, want %d", answer.Status, answer.Body, status)
	}
	if answer.Status == http.StatusUnauthorized && !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("WWW-Authenticate is %q", answer.Header.Get("WWW-Authenticate"))
	}
	if got := v.upstream.Take(); len(got) != 0 {
		t.Errorf("the upstream got %q", got)
	}
	if calls := v.signicat.Counts(); len(calls) != 0 {
		t.Errorf("Signicat was called: %v", calls)
	}
}

// wantSubject checks that a request reached the upstream as somebody.
func (v *vault) wantSubject(t *testing.T, answer rawhttptest.Answer, subject string) {
	t.Helper()
	got := strings.Join(v.upstream.Take(), "")
	if answer.Status != http.StatusOK || strings.Count(got, "X-Itsme-Subject: ") != 1 || !strings.Contains(got, "\r\nX-Itsme-Subject: "+subject+"\r\n") {
		t.Errorf("got %d, want it to reach the upstream as %s: %q", answer.Status, subject, got)
	}
}

func bearerLine(raw string) string { return "Authorization: Bearer " + raw + "\r\n" }

// cookieLine is a browser's login on plain http, where the cookie has no prefix.
func cookieLine(raw string) string { return "Cookie: itsme=" + raw + "\r\n" }
