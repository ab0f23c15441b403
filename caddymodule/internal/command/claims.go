package command

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// claims are the claims of a token that messages show.
type claims struct {
	ID        string `json:"jti"`
	Issuer    string `json:"iss"`
	Audience  any    `json:"aud"`
	ExpiresAt int64  `json:"exp"`
}

// unverifiedClaims reads the claims of a JWT without verifying it.
func unverifiedClaims(raw string) (c claims, err error) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return c, errNotToken
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(data, &c) != nil {
		return c, errNotToken
	}
	return c, nil
}

// isRefreshToken reports whether a text has the form of the gateway's refresh tokens: a login, a number and
// a secret, with tildes between them. No JWT has a tilde.
func isRefreshToken(raw string) bool {
	parts := strings.Split(raw, "~")
	if len(parts) != 3 || strings.Contains(raw, ".") {
		return false
	}
	_, err := strconv.ParseUint(parts[1], 10, 64)
	return err == nil
}

// relativeTime describes a time relative to now, such as "in 5m0s" or "5m0s ago".
func relativeTime(at, now time.Time) string {
	d := at.Sub(now).Round(time.Second)
	if d < 0 {
		return (-d).String() + " ago"
	}
	return "in " + d.String()
}
