package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/caddy-itsme/caddy-itsme/attribute"
)

// onceTimeout bounds both logins together, which take a fraction of a second.
const onceTimeout = time.Minute

// outcome is the last line of demo --once when both logins succeeded.
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
}

// failure is the last line of demo --once when a login failed.
type failure struct {
	Login string `json:"login"` // failed
	Error string `json:"error"`
}

// playOnce logs in as an app and as a browser. It prints every step, and the result as JSON.
func playOnce(ctx context.Context, stdout io.Writer, s *servers) error {
	ctx, cancel := context.WithTimeout(ctx, onceTimeout)
	defer cancel()
	var line any
	line, err := play(ctx, transcript{stdout}, s.Gateway)
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

// play logs in both ways, and compares the subjects that the upstream received.
func play(ctx context.Context, t transcript, gatewayURL string) (outcome, error) {
	result, err := playApp(ctx, t, gatewayURL)
	if err != nil {
		return outcome{}, fmt.Errorf("as an app: %w", err)
	}
	seen, err := playBrowser(ctx, t, gatewayURL)
	if err != nil {
		return outcome{}, fmt.Errorf("as a browser: %w", err)
	}
	if subject := seen.Headers[subjectHeader]; subject != result.Sub {
		return outcome{}, errors.New("as a browser: the upstream received another subject than from the app")
	}
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
	claims, err := verify(ctx, t, gatewayURL, token)
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

func playBrowser(ctx context.Context, t transcript, gatewayURL string) (request, error) {
	t.chapter("As a browser")
	b, err := newBrowser(t, gatewayURL)
	if err != nil {
		return request{}, err
	}
	if err := b.login(ctx); err != nil {
		return request{}, err
	}
	seen, err := b.see(ctx)
	if err != nil {
		return request{}, err
	}
	if seen.Headers["Cookie"] != "" {
		return request{}, errors.New("the gateway's cookie reached the upstream")
	}
	return seen, nil
}

// claims are the claims that the demo reads.
type claims struct {
	Subject string `json:"sub"`
	ACR     string `json:"acr"`
}

// verify verifies an access token as a service does that trusts the gateway: with another project's library,
// and only the JWKS URL.
func verify(ctx context.Context, t transcript, gatewayURL, token string) (claims, error) {
	t.step("A service verifies the token with the keys that the gateway publishes.")
	ctx = oidc.ClientContext(ctx, newClient(t, nil).Client)
	keys := oidc.NewRemoteKeySet(ctx, gatewayURL+"/.well-known/jwks.json")
	verifier := oidc.NewVerifier(gatewayURL, keys, &oidc.Config{ClientID: gatewayURL, SupportedSigningAlgs: []string{oidc.ES256}})
	verified, err := verifier.Verify(ctx, token)
	if err != nil {
		return claims{}, errors.New("the published keys do not verify the token")
	}
	var c claims
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
