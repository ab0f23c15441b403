package signicat

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// maxTokenLife is the longest that Signicat lets an access token live; its default is 600 s.
	// Source: https://developer.signicat.com/docs/connect-to-signicat-apis/advanced-settings/access-tokens/
	maxTokenLife = time.Hour
	// unknownTokenLife is what an access token gets whose life Signicat did not tell.
	unknownTokenLife = time.Minute
	// maxAccessToken is how long an access token may be. Signicat's have some 1,000 bytes.
	maxAccessToken = 16 << 10
)

// fetchToken asks Signicat for an access token (RFC 6749 section 4.4). Id and secret go in the form,
// as Signicat's own SDK sends them: the header's form would need an encoding that servers disagree on.
func (c *Client) fetchToken(ctx context.Context) (token accessToken, err error) {
	asked := c.config.Now()
	form := url.Values{
		"grant_type":    {"client_credentials"},
		"scope":         {"signicat-api"},
		"client_id":     {c.config.ClientID},
		"client_secret": {c.config.ClientSecret},
	}
	err = c.exchange(ctx, call{
		operation:   OperationAccessToken,
		method:      http.MethodPost,
		url:         c.config.APIURL + accessTokenPath,
		template:    accessTokenPath,
		header:      http.Header{},
		body:        []byte(form.Encode()),
		contentType: "application/x-www-form-urlencoded",
		decode: func(body []byte) (err error) {
			token, err = decodeToken(body, asked)
			return err
		},
	})
	return token, err
}

// decodeToken reads an access token answer (RFC 6749 section 5.1). Its life counts from before
// the request, so that it never looks longer than it is.
func decodeToken(body []byte, asked time.Time) (accessToken, error) {
	var wire struct {
		AccessToken string      `json:"access_token"`
		TokenType   string      `json:"token_type"`
		ExpiresIn   json.Number `json:"expires_in"`
	}
	switch err := json.Unmarshal(body, &wire); {
	case err != nil:
		return accessToken{}, fmt.Errorf("%w: not the JSON of an access token", ErrInvalidResponse)
	case !strings.EqualFold(wire.TokenType, "bearer"):
		return accessToken{}, fmt.Errorf("%w: token_type is not bearer", ErrInvalidResponse)
	case !visible(wire.AccessToken, maxAccessToken):
		return accessToken{}, fmt.Errorf("%w: no usable access_token", ErrInvalidResponse)
	}
	life := tokenLife(wire.ExpiresIn)
	return accessToken{
		value:     wire.AccessToken,
		accountID: accountOf(wire.AccessToken),
		renewAt:   asked.Add(life - min(life/10, maxEarly)),
		expiresAt: asked.Add(life),
	}, nil
}

// tokenLife bounds what Signicat says about the life of an access token.
func tokenLife(expiresIn json.Number) time.Duration {
	// A number too large to hold is +Inf beside its error, and one that is missing is 0.
	seconds, _ := expiresIn.Float64()
	if seconds <= 0 {
		return unknownTokenLife
	}
	return time.Duration(min(seconds, maxTokenLife.Seconds()) * float64(time.Second))
}

// accountOf reads the account_id claim if the token is a JWT that has one. Nothing is verified:
// the claim only repeats to Signicat what Signicat said.
func accountOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		AccountID string `json:"account_id"`
	}
	if json.Unmarshal(payload, &claims) != nil || !visible(claims.AccountID, maxID) {
		return ""
	}
	return claims.AccountID
}
