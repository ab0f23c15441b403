package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/caddy-itsme/caddy-itsme/attribute"
)

// onceTimeout bounds all logins together, which take a fraction of a second.
const onceTimeout = time.Minute

// outcome is the last line of demo --once when all logins succeeded.
type outcome struct {
	Login string `json:"login"` // ok
	// Sub and ACR are claims of the app's access token.
	Sub string `json:"sub"`
	ACR string `json:"acr"`
	// VerifiedByJWKS reports that another library verified the token with the published keys.
	VerifiedByJWKS bool `json:"verified_by_jwks"`
	// Unauthenticated is the status of a request without a login.
	Unauthenticated int `json:"unauthenticated"`
	// UpstreamHeaders are the headers that the gateway added to the app's request, with the token shortened.
	UpstreamHeaders map[string]string `json:"upstream_headers"`
	// DPoP reports that the token of a login with a key passed with a proof of the key, and without it did not.
	DPoP bool `json:"dpop"`
	// SiteAudience is the audience of the token that the service on adultsPath received.
	SiteAudience string `json:"site_audience"`
	// Encrypted reports that the browser's cookie is a JWE that shows nothing of the user.
	Encrypted bool `json:"encrypted"`
	// AgeOver18 is what that service received in place of the birth date.
	AgeOver18 bool `json:"age_over_18"`
}

// failure is the last line of demo --once when a login failed.
type failure struct {
	Login string `json:"login"` // failed
	Error string `json:"error"`
}

// playOnce logs in as an app, as an app with a key, and as a browser. It prints every step, and the result as JSON.
func playOnce(ctx context.Context, stdout io.Writer, s *servers) error {
	ctx, cancel := context.WithTimeout(ctx, onceTimeout)
	defer cancel()
	var line any
	line, err := play(ctx, transcript{to: stdout}, s.Gateway)
	if err != nil {
		line = failure{"failed", err.Error()}
	}
	text, encodeErr := json.Marshal(line)
	if encodeErr != nil {
		return encodeErr
	}
	_, printErr := fmt.Fprintf(stdout, "\n%s\n", text)
	return errors.Join(err, printErr)
}

// play logs in in every way, and compares the subjects that the upstream received.
func play(ctx context.Context, t transcript, gatewayURL string) (outcome, error) {
	result, err := playApp(ctx, t, gatewayURL)
	if err != nil {
		return outcome{}, fmt.Errorf("as an app: %w", err)
	}
	bound, err := playBound(ctx, t, gatewayURL)
	if err != nil {
		return outcome{}, fmt.Errorf("as an app with a key: %w", err)
	}
	result.DPoP, result.SiteAudience, result.AgeOver18 = bound.dpop, bound.audience, bound.ageOver18
	seen, encrypted, err := playBrowser(ctx, t, gatewayURL)
	if err != nil {
		return outcome{}, fmt.Errorf("as a browser: %w", err)
	}
	if subject := seen.Headers[subjectHeader]; subject != result.Sub {
		return outcome{}, errors.New("as a browser: the upstream received another subject than from the app")
	}
	result.Encrypted = encrypted
	return result, nil
}

const subjectHeader = attribute.HeaderPrefix + "Subject"

func playApp(ctx context.Context, t transcript, gatewayURL string) (outcome, error) {
	t.chapter("As an app")
	a := newApp(t, gatewayURL)
	status, err := a.refused(ctx)
	if err != nil {
		return outcome{}, err
	}
	token, err := a.login(ctx)
	if err != nil {
		return outcome{}, err
	}
	t.step("A service verifies the token with the keys that the gateway publishes.")
	claims, err := verify(ctx, t, gatewayURL, gatewayURL, token)
	if err != nil {
		return outcome{}, err
	}
	seen, err := a.call(ctx, token)
	if err != nil {
		return outcome{}, err
	}
	if seen.Headers[subjectHeader] != claims.Subject {
		return outcome{}, errors.New("the upstream received another subject than the token names")
	}
	return outcome{
		Login: "ok", Sub: claims.Subject, ACR: claims.ACR, VerifiedByJWKS: true,
		Unauthenticated: status, UpstreamHeaders: seen.added(),
	}, nil
}

// playBrowser returns the request that the upstream received, and whether the browser's cookie is encrypted.
func playBrowser(ctx context.Context, t transcript, gatewayURL string) (seen request, encrypted bool, err error) {
	t.chapter("As a browser")
	b, err := newBrowser(t, gatewayURL)
	if err != nil {
		return request{}, false, err
	}
	if err := b.login(ctx); err != nil {
		return request{}, false, err
	}
	seen, err = b.see(ctx)
	if err != nil {
		return request{}, false, err
	}
	if seen.Headers["Cookie"] != "" {
		return request{}, false, errors.New("the gateway's cookie reached the upstream")
	}
	encrypted, err = b.encrypted(seen)
	return seen, encrypted, err
}

// claims are the claims that the demo reads.
type claims struct {
	Subject   string   `json:"sub"`
	ACR       string   `json:"acr"`
	Birthdate string   `json:"birthdate"`
	AgeOver18 *bool    `json:"age_over_18"`
	Audience  []string `json:"-"`
}

// verify verifies an access token as a service of that audience does: with another project's library, and
// only the JWKS URL.
func verify(ctx context.Context, t transcript, gatewayURL, audience, token string) (claims, error) {
	ctx = oidc.ClientContext(ctx, newClient(t, nil).Client)
	keys := oidc.NewRemoteKeySet(ctx, gatewayURL+"/.well-known/jwks.json")
	verifier := oidc.NewVerifier(gatewayURL, keys, &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{oidc.ES256}})
	verified, err := verifier.Verify(ctx, token)
	if err != nil {
		return claims{}, errors.New("the published keys do not verify the token for " + audience)
	}
	c := claims{Audience: verified.Audience}
	if err := verified.Claims(&c); err != nil {
		return claims{}, errors.New("the token's claims cannot be read")
	}
	return c, nil
}

// added returns the headers that the gateway set.
func (r request) added() map[string]string {
	headers := maps.Clone(r.Headers)
	maps.DeleteFunc(headers, func(name, _ string) bool { return !identity(name) && name != "Authorization" })
	headers["Authorization"] = shorten(headers["Authorization"])
	return headers
}

// bearer returns the token that the upstream received.
func (r request) bearer() string { return strings.TrimPrefix(r.Headers["Authorization"], "Bearer ") }
