package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/dpop"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// DPoPMode says whether apps bind their logins to a key (RFC 9449). Browsers have a cookie and no key.
type DPoPMode string

// The modes.
const (
	// DPoPOptional lets each app choose.
	DPoPOptional DPoPMode = "optional"
	// DPoPRequired refuses an app without a key at /token and at sites.
	DPoPRequired DPoPMode = "required"
)

// ProofMemory remembers the DPoP proofs that were used, of one gateway. It is safe for concurrent use.
type ProofMemory struct {
	used    *dpop.Memory
	started *dpop.Memory // of POST /sessions, so that clients without a login cannot fill the other one
}

// NewProofMemory returns an empty memory.
func NewProofMemory() *ProofMemory { return &ProofMemory{dpop.NewMemory(), dpop.NewMemory()} }

// CheckedProof is the result of the check of one request's DPoP proof. Its zero value has none.
type CheckedProof identity.CheckedProof

// checker returns a checker that remembers proofs in a memory.
func (c Config) checker(memory *dpop.Memory) *dpop.Checker {
	return &dpop.Checker{Keys: c.Keys.KeySet, Issuer: c.Token.Issuer, Memory: memory, NonceAlways: c.Token.DPoPNonce, Now: c.Now}
}

// Errors of proofs at /sessions and /token, which answer 400 (RFC 9449 section 5). Elsewhere the answer is 401.
var (
	errAppProof = errors.New("DPoP proof of an app")
	errAppNonce = errors.New("nonce for an app")
)

// forApp returns the error of a proof as /sessions and /token answer it.
func forApp(err error) error {
	switch {
	case errors.Is(err, dpop.ErrNonce):
		return fmt.Errorf("%w: %w", errAppNonce, err)
	case errors.Is(err, dpop.ErrProof):
		return fmt.Errorf("%w: %w", errAppProof, err)
	}
	return err
}

// proofOf returns the proof of a request to an endpoint, and the zero value for a request without one. A proof of another
// key than thumbprint is a [dpop.ErrKey]; empty accepts any key.
func proofOf(x exchange, proofs *dpop.Checker, url, thumbprint string) (login.Proof, error) {
	lines := identity.CredentialHeadersOf(x.r).DPoP
	if len(lines) == 0 {
		return login.Proof{}, nil
	}
	raw, err := dpop.One(lines)
	if err != nil {
		return login.Proof{}, err
	}
	proof, err := proofs.Check(raw, dpop.Request{Method: x.r.Method, URL: url, Thumbprint: thumbprint})
	if errors.Is(err, token.ErrNoKeys) {
		return login.Proof{}, identity.ErrStarting
	}
	if err != nil {
		return login.Proof{}, err
	}
	if proof.FreshNonce != "" {
		x.w.Header().Set(identity.NonceHeader, proof.FreshNonce)
	}
	return login.Proof{Thumbprint: proof.Thumbprint, Use: func() error { return proofs.Use(proof) }}, nil
}

// bindStart binds a start to the key of dpop_jkt or of a proof. If there are both, they agree (RFC 9449 section 10).
func (a *appAPI) bindStart(x exchange, named string, s *login.StartRequest) error {
	if named != "" && !token.ValidThumbprint(named) {
		return requestErrorf("dpop_jkt is not the RFC 7638 thumbprint of a key: base64url(SHA-256), 43 characters")
	}
	proof, err := proofOf(x, a.startProofs, a.config.endpointURL("/sessions"), named)
	if err != nil {
		return err
	}
	s.Key, s.UseProof = cmp.Or(named, proof.Thumbprint), proof.Use
	return nil
}

// finishKey returns the key of an app that finishes a login, or nothing without a proof. It uses the proof up before the
// code goes to Signicat.
func (a *appAPI) finishKey(x exchange, record *store.Record) (thumbprint string, err error) {
	proof, err := proofOf(x, a.proofs, a.config.endpointURL("/token"), record.KeyThumbprint)
	switch {
	case errors.Is(err, dpop.ErrKey):
		return "", wrap(login.ErrGrant, "another key")
	case err != nil || proof.Use == nil:
		return "", err
	}
	return proof.Thumbprint, proof.Use()
}

// tokenType returns the token_type of a token that is bound to a key, or to none.
func tokenType(thumbprint string) string {
	if thumbprint != "" {
		return "DPoP"
	}
	return "Bearer"
}

// proofError returns the error code of a failure that is about a proof, and nothing for any other.
func (f failure) proofError() string {
	if f.problem == problemProof || f.problem == problemNonce {
		return f.oauth
	}
	return ""
}

// writeNonce sets the nonce that an error asks for.
func writeNonce(h http.Header, err error) {
	var asks *dpop.NonceError
	if errors.As(err, &asks) {
		h.Set(identity.NonceHeader, asks.Fresh)
	}
}

// writeFreshNonce sets the nonce for the next proof of a client whose proof had an old one.
func writeFreshNonce(h http.Header, sent identity.CredentialHeaders) {
	if sent.Checked != nil && sent.Checked.FreshNonce != "" {
		h.Set(identity.NonceHeader, sent.Checked.FreshNonce)
	}
}

// credentialsAt returns the credentials of a request to an endpoint. A proof must be for the URL in the metadata, whatever
// host the client reached.
func credentialsAt(x exchange, url string) identity.CredentialHeaders {
	sent := identity.CredentialHeadersOf(x.r)
	sent.Target, sent.Checked = identity.Target{Method: x.r.Method, URL: url}, new(identity.CheckedProof)
	return sent
}

// proofHosts are hosts, as origins spell them. A proof counts only for a URL on one of them: a client chooses Host, and a
// proof for another service must not count here.
type proofHosts []string

// urlHosts returns the hosts of the http(s) URLs among audiences, at which their clients find them.
func urlHosts(audiences ...string) (hosts proofHosts) {
	for _, audience := range audiences {
		if u, err := url.Parse(audience); err == nil && (u.Scheme == "https" || u.Scheme == "http") {
			hosts = append(hosts, canonicalHost(u.Host))
		}
	}
	return hosts
}

// with adds hosts in any spelling.
func (p proofHosts) with(hosts []string) proofHosts {
	p = slices.Clip(p)
	for _, host := range hosts {
		p = append(p, canonicalHost(host))
	}
	return p
}

// target returns what a proof of a request must be for: the method and the path as the client sent them. On another host
// it returns the zero value, which fits no proof.
func (p proofHosts) target(method, scheme, host, path string) identity.Target {
	if !slices.Contains(p, canonicalHost(host)) || (path != "" && path[0] != '/') {
		return identity.Target{}
	}
	return identity.Target{Method: method, URL: scheme + "://" + host + path}
}

// targetOf returns what a proof of a request to a site must be for.
func (p proofHosts) targetOf(info RequestInfo) identity.Target {
	return p.target(info.Method, info.Scheme, info.Host, info.OriginalURL.EscapedPath())
}

// forwardedHeaders describe the request that a proxy asks about. The proxy sets all of them or none.
var forwardedHeaders = []string{"X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri"}

// forwardedCredentials returns the credentials of the request that a proxy asks about. A proof must be for the request that
// the proxy describes. A proxy that describes none, such as Envoy, sends its method, its host, and its path behind /verify.
// With only some of the headers, the target fits no proof: the others could be the client's.
func (s *Site) forwardedCredentials(x exchange) identity.CredentialHeaders {
	sent := identity.CredentialHeadersOf(x.r)
	sent.Checked = new(identity.CheckedProof)
	var values []string
	for _, name := range forwardedHeaders {
		values = append(values, x.r.Header[name]...)
		if len(x.r.Header[name]) > 1 {
			return sent
		}
	}
	switch len(values) {
	case 0:
		path := strings.TrimPrefix(x.info.OriginalURL.EscapedPath(), s.gateway.config.Path+"/"+verifyEndpoint)
		sent.Target = s.proofHosts.target(x.r.Method, s.gateway.public.Scheme, x.r.Host, path)
	case len(forwardedHeaders):
		path, _, _ := strings.Cut(values[3], "?")
		sent.Target = s.proofHosts.target(values[0], strings.ToLower(values[1]), values[2], path)
	}
	return sent
}
