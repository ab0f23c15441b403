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
	// maxTokenLife is the longest lifetime of an access token at Signicat; its default is 600 s.
	// Source: https://developer.signicat.com/docs/connect-to-signicat-apis/advanced-settings/access-tokens/
	maxTokenLife = time.Hour
	// unknownTokenLife is the lifetime of an access token without a usable expires_in.
	unknownTokenLife = time.Minute
	// maxAccessToken bounds an access token in bytes. Signicat's have about 1,000.
	maxAccessToken = 16 << 10
)

// fetchToken requests an access token (RFC 6749 section 4.4). Id and secret go in the form,
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

// decodeToken reads an access token answer (RFC 6749 section 5.1). Its lifetime counts from before
// the request, so that it is never too long.
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

// tokenLife returns the lifetime of an access token, within bounds.
func tokenLife(expiresIn json.Number) time.Duration {
	// Float64 returns +Inf for a number that is too large, and 0 for a missing one.
	seconds, _ := expiresIn.Float64()
	if seconds <= 0 {
		return unknownTokenLife
	}
	return time.Duration(min(seconds, maxTokenLife.Seconds()) * float64(time.Second))
}

// accountOf returns the account_id claim of a token that is a JWT, else "". It does not verify the
// token: the claim is only sent back to Signicat.
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
