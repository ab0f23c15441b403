package token

import (
	"encoding/base64"

	"github.com/caddy-itsme/caddy-itsme/internal/strictjson"
)

// encoding is base64url without padding and without loose bits at the end (RFC 7515 section 2).
var encoding = base64.RawURLEncoding.Strict()

// decode reads base64url and accepts one spelling of each value, or returns ErrMalformed.
func decode(text string) ([]byte, error) {
	data, err := strictjson.Base64(text)
	if err != nil {
		return nil, ErrMalformed
	}
	return data, nil
}

// parseObject reads data as exactly one JSON object without duplicate members, or returns ErrMalformed.
func parseObject(data []byte) (map[string]any, error) {
	object, err := strictjson.Object(data)
	if err != nil {
		return nil, ErrMalformed
	}
	return object, nil
}
