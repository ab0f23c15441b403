// Package main is the login with a client of oapi-codegen. The test generates package client beside it.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"

	"login.test/client"
)

func main() {
	if err := login(context.Background(), os.Getenv("ITSME_GATEWAY")); err != nil {
		log.Fatal(err)
	}
	fmt.Println("logged in")
}

// login logs in with the generated calls, refreshes, and logs out.
func login(ctx context.Context, gateway string) error {
	c, err := client.NewClientWithResponses(gateway + "/itsme")
	if err != nil {
		return err
	}
	verifier := secret()
	sum := sha256.Sum256([]byte(verifier))
	begun, err := c.StartSessionWithResponse(ctx, nil, client.Start{CodeChallenge: base64.RawURLEncoding.EncodeToString(sum[:])})
	if err != nil || begun.JSON201 == nil {
		return fmt.Errorf("starting: %v %+v", err, begun)
	}
	back, err := tap(begun.JSON201.AuthorizationRequestUrl)
	if err != nil {
		return err
	}
	finish := client.TokenForm{GrantType: "authorization_code", Code: new(back.Get("code")), State: new(back.Get("state")), CodeVerifier: &verifier}
	finish.ClientId = new("evil")
	if refused, err := c.TokenWithFormdataBodyWithResponse(ctx, nil, finish); err != nil || refused.JSON401 == nil {
		return fmt.Errorf("another client_id: %v %+v", err, refused)
	}
	finish.ClientId = nil
	tokens, err := c.TokenWithFormdataBodyWithResponse(ctx, nil, finish)
	if err != nil || tokens.JSON200 == nil || tokens.JSON200.RefreshToken == nil {
		return fmt.Errorf("finishing: %v %+v", err, tokens)
	}
	user, err := userinfo(ctx, c, tokens.JSON200.AccessToken)
	if err != nil || user.JSON200 == nil || user.JSON200.Sub == "" {
		return fmt.Errorf("userinfo: %v %+v", err, user)
	}
	next, err := c.TokenWithFormdataBodyWithResponse(ctx, nil, client.TokenForm{GrantType: "refresh_token", RefreshToken: tokens.JSON200.RefreshToken})
	if err != nil || next.JSON200 == nil {
		return fmt.Errorf("refreshing: %v %+v", err, next)
	}
	ended, err := c.RevokeWithFormdataBodyWithResponse(ctx, client.Revoke{Token: *next.JSON200.RefreshToken})
	if err != nil || ended.StatusCode() != http.StatusOK {
		return fmt.Errorf("revoking: %v %+v", err, ended)
	}
	if user, err := userinfo(ctx, c, next.JSON200.AccessToken); err != nil || user.StatusCode() != http.StatusUnauthorized {
		return fmt.Errorf("userinfo after logout: %v %+v", err, user)
	}
	return nil
}

func secret() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	return hex.EncodeToString(raw)
}

func userinfo(ctx context.Context, c *client.ClientWithResponses, token string) (*client.ReadUserinfoResponse, error) {
	return c.ReadUserinfoWithResponse(ctx, func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	})
}

// tap does what the user does in the itsme app.
func tap(link string) (url.Values, error) {
	phone := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := phone.PostForm(link, url.Values{"decision": {"approve"}, "persona": {"adult"}})
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	back, err := answer.Location()
	if err != nil {
		return nil, err
	}
	return back.Query(), nil
}
