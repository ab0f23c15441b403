package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/caddy-itsme/caddy-itsme/attribute"
)

// adultsPath is the path of the service that asks for the age alone. The path is part of its audience.
const adultsPath = "/adults"

const (
	ageHeader       = attribute.HeaderPrefix + "Age-Over-18"
	birthdateHeader = attribute.HeaderPrefix + "Birthdate"
)

// bound is the result of a login that is bound to a key.
type bound struct {
	dpop      bool
	audience  string
	ageOver18 bool
}

// playBound logs in as an app with a key, and calls the service that asks for the age alone.
func playBound(ctx context.Context, t transcript, gatewayURL string) (bound, error) {
	t.chapter("As an app with a key (DPoP)")
	t.step("The app makes a key that never leaves the phone. It proves with every request that it has the key.")
	a := newApp(t, gatewayURL)
	var err error
	if a.key, err = newKey(); err != nil {
		return bound{}, err
	}
	token, err := a.login(ctx)
	if err != nil {
		return bound{}, err
	}
	seen, err := a.callAdults(ctx, token)
	if err != nil {
		return bound{}, err
	}
	result, err := readAdults(ctx, t, gatewayURL, seen)
	if err != nil {
		return bound{}, err
	}
	if err := a.steal(ctx, token); err != nil {
		return bound{}, fmt.Errorf("a stolen token: %w", err)
	}
	result.dpop = true // with the proof it passed, and without it did not
	return result, nil
}

// callAdults calls the service with the token and a proof, and returns the request that the service received.
func (a app) callAdults(ctx context.Context, token string) (request, error) {
	a.step("The app calls a service that asks for the age alone, with the token and a proof.")
	got, err := a.callAs(ctx, http.StatusOK, "DPoP", token, a.key)
	if err != nil {
		return request{}, err
	}
	return decode[request](got)
}

// callAs calls the service with the token, and with a proof of the key unless that is nil.
func (a app) callAs(ctx context.Context, want int, scheme, token string, proves *key) (answer, error) {
	target := a.gateway + adultsPath
	proof, err := proves.prove(http.MethodGet, target, token)
	if err != nil {
		return answer{}, err
	}
	return a.get(ctx, want, target, append(proof, "Accept", "application/json", "Authorization", scheme+" "+token)...)
}

// steal calls the service as a thief who has the token and not the key. A request that passes is an error.
func (a app) steal(ctx context.Context, token string) error {
	other, err := newKey()
	if err != nil {
		return err
	}
	for _, attempt := range []struct {
		step, scheme string
		key          *key
	}{
		{"A thief has the token and not the key. Without a proof the gateway refuses the request.", "DPoP", nil},
		{"It also refuses the token as a bearer token.", "Bearer", nil},
		{"It also refuses a proof of the thief's own key.", "DPoP", other},
	} {
		a.step(attempt.step)
		if _, err := a.callAs(ctx, http.StatusUnauthorized, attempt.scheme, token, attempt.key); err != nil {
			return err
		}
	}
	return nil
}

// readAdults reads the request as the service does: it verifies the token and compares the header with it.
func readAdults(ctx context.Context, t transcript, gatewayURL string, seen request) (bound, error) {
	t.step("The service verifies the token that it received. The token's audience is this service alone.")
	claims, err := verify(ctx, t, gatewayURL, gatewayURL+adultsPath, seen.bearer())
	if err != nil {
		return bound{}, fmt.Errorf("the service's token: %w", err)
	}
	if len(claims.Audience) != 1 {
		return bound{}, errors.New("the service's token is for other services too")
	}
	over, err := strconv.ParseBool(seen.Headers[ageHeader])
	if err != nil {
		return bound{}, errors.New("the service received no age")
	}
	if claims.AgeOver18 == nil || *claims.AgeOver18 != over {
		return bound{}, errors.New("the service's token has another age than the header")
	}
	if seen.Headers[birthdateHeader] != "" || claims.Birthdate != "" {
		return bound{}, errors.New("the service received the birth date")
	}
	t.step(fmt.Sprintf("The service received a token for %s, %s: %t, and no birth date.", claims.Audience[0], ageHeader, over))
	return bound{audience: claims.Audience[0], ageOver18: over}, nil
}
