package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// encrypted reports that the session cookie is sealed. The upstream received what must not be in it.
func (b browser) encrypted(seen request) (bool, error) {
	b.step("The user looks into the browser's cookie.")
	at, err := url.Parse(b.gateway)
	if err != nil {
		return false, errURL
	}
	for _, cookie := range b.Jar.Cookies(at) {
		if cookie.Name != gateway.DefaultCookieName {
			continue
		}
		if !sealed(cookie.Value, seen.values()) {
			return false, errors.New("the session cookie can be read")
		}
		header, _, _ := strings.Cut(cookie.Value, ".")
		shown, _ := base64.RawURLEncoding.DecodeString(header) // sealed has decoded it
		b.step("The cookie is encrypted (JWE): five parts, and no claim of the user in any of them. The first part, decoded:\n" + shorten(string(shown)))
		return true, nil
	}
	return false, errors.New("the browser has no session cookie")
}

// minRecognized is the length of the shortest value that sealed looks for. Random bytes may hold a shorter one.
const minRecognized = 8

// values returns what the gateway sent the upstream of the user.
func (r request) values() (values []string) {
	for name, value := range r.Headers {
		if identity(name) && len(value) >= minRecognized {
			values = append(values, value)
		}
	}
	return values
}

// sealed reports whether a text is a JWE that shows none of the values: five parts, a header without claims,
// and no other part that is JSON.
func sealed(text string, values []string) bool {
	parts := strings.Split(text, ".")
	if len(parts) != 5 {
		return false
	}
	for i, part := range parts {
		data, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil || (i == 0) != json.Valid(data) {
			return false
		}
		for _, value := range values {
			if strings.Contains(string(data), value) {
				return false
			}
		}
		if i == 0 && !encryptionHeader(data) {
			return false
		}
	}
	return true
}

// encryptionHeader reports whether a header names an encryption and holds nothing of a user.
func encryptionHeader(data []byte) bool {
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	var header struct{ Alg, Enc, Kid, Typ, Cty string }
	return decoder.Decode(&header) == nil && header.Enc != ""
}
