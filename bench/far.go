package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// awaitStore waits until the gateway has reached Redis.
func (a *apps) awaitStore(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url("/health/ready"), nil)
		if err != nil {
			return err
		}
		if _, err := a.do(r, http.StatusOK); err == nil || ctx.Err() != nil {
			return err
		}
	}
}

func (a *apps) url(path string) string {
	return "http://" + a.gateway.addr + gateway.DefaultPath + path
}

// farCalls are what the table has, in its order.
func (a *apps) farCalls() []farCall {
	return []farCall{
		{"a login by an app", 7, a.login},
		{"a login by a browser", 7, a.browserLogin},
		{"a refresh", 2, a.refresh},
		{"a status poll that reads Signicat", 2, func(ctx context.Context) (time.Duration, error) { return a.poll(ctx, 1) }},
		{"a status poll that does not", 1, func(ctx context.Context) (time.Duration, error) { return a.poll(ctx, 2) }},
		{"a request with a token", 0, a.request},
	}
}

// startApp starts a login of an app.
func (a *apps) startApp(ctx context.Context) (started startedLogin, verifier string, err error) {
	verifier = rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	challenge := map[string]string{"code_challenge": base64.RawURLEncoding.EncodeToString(sum[:])}
	err = a.own(ctx, "/sessions", "application/json", challenge, http.StatusCreated, &started)
	return started, verifier, err
}

// startedLogin is the answer to a start.
type startedLogin struct {
	ID  string `json:"session_id"`
	URL string `json:"authorization_request_url"`
}

// tokens are the answer of the token endpoint.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// loggedIn logs an app in.
func (a *apps) loggedIn(ctx context.Context) (got tokens, err error) {
	started, verifier, err := a.startApp(ctx)
	if err != nil {
		return got, err
	}
	back, err := a.approve(ctx, started.URL)
	if err != nil {
		return got, err
	}
	return a.redeem(ctx, back, verifier)
}

// redeem exchanges the code of an app's login.
func (a *apps) redeem(ctx context.Context, back url.Values, verifier string) (got tokens, err error) {
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "state": {back.Get("state")}, "code_verifier": {verifier},
	}
	err = a.own(ctx, "/token", "application/x-www-form-urlencoded", form, http.StatusOK, &got)
	return got, err
}

// refresh times one refresh.
func (a *apps) refresh(ctx context.Context) (time.Duration, error) {
	got, err := a.loggedIn(ctx)
	if err != nil {
		return 0, err
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.Refresh}}
	began := time.Now()
	err = a.own(ctx, "/token", "application/x-www-form-urlencoded", form, http.StatusOK, nil)
	return time.Since(began), err
}

// poll times one of several polls of a new login's status. The first has the session read at Signicat.
func (a *apps) poll(ctx context.Context, polls int) (took time.Duration, err error) {
	started, _, err := a.startApp(ctx)
	if err != nil {
		return 0, err
	}
	for range polls {
		began := time.Now()
		if err := a.send(ctx, http.MethodGet, a.url("/sessions/"+started.ID), "", nil, http.StatusOK, nil); err != nil {
			return 0, err
		}
		took = time.Since(began)
	}
	return took, nil
}

// request times a request with a token.
func (a *apps) request(ctx context.Context) (time.Duration, error) {
	got, err := a.loggedIn(ctx)
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.gateway.addr+"/", nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+got.Access)
	return a.do(r, http.StatusOK)
}

// browserLogin times what a browser waits for the gateway in one login.
func (a *apps) browserLogin(ctx context.Context) (waited time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url("/login"), strings.NewReader("return_to=/"))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Origin", "http://"+a.gateway.addr)
	began := time.Now()
	answer, err := a.client.Do(r)
	if err != nil {
		return 0, err
	}
	waited = time.Since(began)
	defer func() { _ = answer.Body.Close() }()
	var started startedLogin
	if err := json.NewDecoder(answer.Body).Decode(&started); err != nil || answer.StatusCode != http.StatusCreated {
		return 0, fmt.Errorf("%w: POST /login: %d, %w", errAnswer, answer.StatusCode, err)
	}
	back, err := a.approve(ctx, started.URL)
	if err != nil {
		return 0, err
	}
	if r, err = http.NewRequestWithContext(ctx, http.MethodGet, a.url("/callback?"+back.Encode()), nil); err != nil {
		return 0, err
	}
	for _, cookie := range answer.Cookies() {
		r.AddCookie(cookie)
	}
	took, err := a.do(r, http.StatusSeeOther)
	return waited + took, err
}

// do sends a request, and returns the time to its answer.
func (a *apps) do(r *http.Request, want int) (time.Duration, error) {
	began := time.Now()
	answer, err := a.client.Do(r)
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	if answer.StatusCode != want {
		err = fmt.Errorf("%w: %s %s: %d, want %d", errAnswer, r.Method, r.URL.Path, answer.StatusCode, want)
	}
	return took, cmp.Or(err, answer.Body.Close())
}
