package caddymodule

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// parsedToken is what a token says of itself, true or not.
type parsedToken struct{ header, claims map[string]any }

// parseToken reads a JWT without verifying it.
func parseToken(raw string) (parsedToken, error) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return parsedToken{}, errNotToken
	}
	header, okHeader := decodePart(parts[0])
	claims, okClaims := decodePart(parts[1])
	if !okHeader || !okClaims {
		return parsedToken{}, errNotToken
	}
	return parsedToken{header, claims}, nil
}

// decodePart reads base64url of one JSON object. Numbers stay as they are written.
func decodePart(part string) (object map[string]any, ok bool) {
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return object, decoder.Decode(&object) == nil && object != nil && !decoder.More()
}

// kind says what sort of token it claims to be.
func (p parsedToken) kind() string {
	typ, _ := p.header["typ"].(string)
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	switch {
	case p.claims["idp"] != token.IDP:
		return "a JWT that no gateway of caddy-itsme issued"
	case typ == "at+jwt":
		return "an access token"
	case typ == "session+jwt":
		return "a session token, a browser's login that only the gateway accepts"
	}
	return "a JWT of a kind that no gateway of caddy-itsme issues"
}

// inspect writes what a token says of itself.
func inspect(out io.Writer, raw string, show bool, now time.Time) error {
	if isRefreshToken(raw) {
		_, err := fmt.Fprintln(out, "This is a refresh token. There is nothing to see in it: what it is good for is in the gateway's store.")
		return err
	}
	parsed, err := parseToken(raw)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(table, "This is %s. %s Nothing was verified.\n\nHEADER\n", parsed.kind(), parsed.end(now))
	for _, name := range slices.Sorted(maps.Keys(parsed.header)) {
		_, _ = fmt.Fprintf(table, "%s\t%s\n", line(name), shown(parsed.header[name]))
	}
	_, _ = fmt.Fprint(table, "\nCLAIMS\n")
	for _, name := range slices.Sorted(maps.Keys(parsed.claims)) {
		value := shown(parsed.claims[name])
		if at, ok := parsed.time(name); ok {
			value += " (" + when(at, now) + ")"
		}
		if !show && sensitive(name) {
			value = "(left out; --show shows it)"
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\n", line(name), value)
	}
	return table.Flush() // with the error of any line before
}

// isRefreshToken reports whether a text has the form of our refresh tokens: a login, a number and a
// secret. No JWT has a tilde.
func isRefreshToken(raw string) bool {
	parts := strings.Split(raw, "~")
	if len(parts) != 3 || strings.Contains(raw, ".") {
		return false
	}
	_, err := strconv.ParseUint(parts[1], 10, 64)
	return err == nil
}

// end says when the token ends, or ended.
func (p parsedToken) end(now time.Time) string {
	at, ok := p.time("exp")
	switch {
	case !ok:
		return "It does not say when it expires."
	case now.Before(at):
		return "It expires " + distance(at, now) + "."
	}
	return "It expired " + distance(at, now) + "."
}

// lastTime is the last second that has a year of four digits.
const lastTime = 253402300799

// time is a claim that is a time.
func (p parsedToken) time(name string) (time.Time, bool) {
	if !slices.Contains([]string{"exp", "iat", "nbf", "auth_time", "updated_at"}, name) {
		return time.Time{}, false
	}
	number, _ := p.claims[name].(json.Number)
	seconds, err := number.Float64()
	return time.Unix(int64(seconds), 0), err == nil && seconds > 0 && seconds <= lastTime
}

// when is a time on this machine's clock, and how far away it is.
func when(at, now time.Time) string {
	return at.Local().Format("2006-01-02 15:04:05 MST") + ", " + distance(at, now)
}

// distance is how far away a time is.
func distance(at, now time.Time) string {
	d := at.Sub(now).Round(time.Second)
	if d < 0 {
		return (-d).String() + " ago"
	}
	return "in " + d.String()
}

// sensitive reports whether a claim is one that tokens have only when a configuration names it.
func sensitive(claim string) bool {
	return slices.ContainsFunc(attribute.All(), func(a attribute.Attribute) bool { return a.Sensitive && a.Claim == claim })
}

// shown is a value as JSON, fit for a terminal.
func shown(value any) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil { // impossible: it was read from JSON
		return "?"
	}
	return line(strings.TrimSpace(text.String()))
}
