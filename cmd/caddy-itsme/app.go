package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// app is a mobile app and the phone that it runs on. It knows the gateway's URL and nothing else.
type app struct {
	client
	transcript
	gateway  string
	verifier string
	key      *key // nil for a login that is bound to no key
}

func newApp(t transcript, gateway string) app {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	return app{newClient(t, nil), t, gateway, base64.RawURLEncoding.EncodeToString(secret), nil}
}

// refused calls the upstream without a login and returns the status.
func (a app) refused(ctx context.Context) (status int, err error) {
	a.step("The app calls the upstream, without a login.")
	got, err := a.get(ctx, http.StatusUnauthorized, a.gateway+"/", "Accept", "application/json")
	if err != nil {
		return 0, err
	}
	return got.StatusCode, nil
}

// issued is the gateway's response to the code.
type issued struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
}

// started is the gateway's response to the start of a login.
type started struct {
	SessionID string `json:"session_id"`
	Link      string `json:"authorization_request_url"`
}

// login logs in with the App2App flow and returns the access token.
func (a app) login(ctx context.Context) (token string, err error) {
	a.step("The app starts a login. It keeps the verifier and sends the hash of it.")
	session, err := a.start(ctx)
	if err != nil {
		return "", err
	}
	a.step("The app opens the link. The phone opens the itsme app, where the user approves.")
	redirectURL, err := a.approve(ctx, session.Link)
	if err != nil {
		return "", err
	}
	code, state, err := a.returned(redirectURL, session.SessionID)
	if err != nil {
		return "", err
	}
	a.step("itsme opens the app's redirect URL. The app sends the code and state of that URL, with its verifier, to the gateway.")
	return a.redeem(ctx, code, state)
}

func (a app) start(ctx context.Context) (started, error) {
	challenge := sha256.Sum256([]byte(a.verifier))
	body := fmt.Sprintf(`{"code_challenge":%q}`, base64.RawURLEncoding.EncodeToString(challenge[:]))
	target := a.gateway + "/itsme/sessions"
	proof, err := a.key.prove(http.MethodPost, target, "")
	if err != nil {
		return started{}, err
	}
	got, err := a.post(ctx, http.StatusCreated, target, "application/json", body, proof...)
	if err != nil {
		return started{}, err
	}
	return decode[started](got)
}

// returned reads code and state from the redirect URL. An app with several logins under way finds the right
// one by the hash of the state.
func (a app) returned(redirectURL, sessionID string) (code, state string, err error) {
	back, err := url.Parse(redirectURL)
	if err != nil {
		return "", "", errURL
	}
	query := back.Query()
	hash := sha256.Sum256([]byte(query.Get("state")))
	if base64.RawURLEncoding.EncodeToString(hash[:]) != sessionID {
		return "", "", errors.New("the redirect URL belongs to another login")
	}
	return query.Get("code"), query.Get("state"), nil
}

func (a app) redeem(ctx context.Context, code, state string) (token string, err error) {
	target := a.gateway + "/itsme/token"
	proof, err := a.key.prove(http.MethodPost, target, "")
	if err != nil {
		return "", err
	}
	got, err := a.postForm(ctx, http.StatusOK, target, url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"state":         {state},
		"code_verifier": {a.verifier},
	}, proof...)
	if err != nil {
		return "", err
	}
	response, err := decode[issued](got)
	if err != nil {
		return "", err
	}
	if want := a.key.scheme(); response.TokenType != want {
		return "", fmt.Errorf("the token is of type %q, not %s", response.TokenType, want)
	}
	return response.AccessToken, nil
}

// call calls the upstream with the token, and returns the request that the upstream received.
func (a app) call(ctx context.Context, token string) (request, error) {
	a.step("The app calls the upstream again, with the token.")
	got, err := a.get(ctx, http.StatusOK, a.gateway+"/", "Accept", "application/json", "Authorization", "Bearer "+token)
	if err != nil {
		return request{}, err
	}
	return decode[request](got)
}
