package caddymodule_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
)

// TestRevokeCommandAsksTheRunningCaddy revokes a token, its login and its user, by a command that has no access to
// storage. The gateway refuses the token when the command returns.
func TestRevokeCommandAsksTheRunningCaddy(t *testing.T) {
	s := site{Server: caddytest.Run(t, adminConfig), t: t}
	file := fileElsewhere(t, s.Server, adminConfig)
	for _, row := range []struct {
		name, user string
		args       func(raw string) (input string, args []string)
		want       string
	}{
		{"the user", "first=", func(string) (string, []string) { return "", []string{"--sub", "first="} }, "revoked; running logins that ended: 0\n"},
		{"the user, on standard input", "second=", func(string) (string, []string) { return "second=\n", []string{"--sub", "-"} }, "revoked; running logins that ended: 0\n"},
		{"a login", "third=", func(raw string) (string, []string) { return "", []string{"--login", idIn(t, raw)} }, "revoked; running logins that ended: 0\n"},
		{"a login, by a token on standard input", "third=", func(raw string) (string, []string) { return raw + "\n", []string{"--login", "-"} }, "revoked; running logins that ended: 0\n"},
		{"a token", "third=", func(raw string) (string, []string) { return "", []string{"--token", idIn(t, raw)} }, "revoked: the token\n"},
		{"a token, on standard input", "third=", func(raw string) (string, []string) { return "Bearer " + raw, []string{"--token", "-"} }, "revoked: the token\n"},
		{"a token of one gateway", "third=", func(raw string) (string, []string) {
			return "", []string{"--token", idIn(t, raw), "--gateway", "default"}
		}, "revoked: the token\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			raw := userToken(t, s.Server, row.user)
			s.want(http.StatusOK, "ok", "/", "Authorization", "Bearer "+raw)
			input, args := row.args(raw)
			out, err := itsmeReads(t, input, append([]string{"revoke", "--config", file}, args...)...)
			if err != nil || out != row.want {
				t.Errorf("it writes %q, %v", out, err)
			}
			if status, _ := s.get("/", "Authorization", "Bearer "+raw); status != http.StatusUnauthorized {
				t.Errorf("the token gets %d", status)
			}
		})
	}
}

func userToken(t *testing.T, server *caddytest.Server, subject string) string {
	t.Helper()
	return tokenSpec{key: storedKey(t, server), issuer: server.URL, audience: server.URL, subject: subject}.token(t)
}

// idIn returns the jti of a token.
func idIn(t *testing.T, raw string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ JTI string }
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims.JTI
}

// TestRevokeCommandRefusesWhatItCannotDo: a command that revoked nothing never ends with success.
func TestRevokeCommandRefusesWhatItCannotDo(t *testing.T) {
	s := caddytest.Run(t, adminConfig)
	running := fileElsewhere(t, s, adminConfig)
	stopped := writeCaddyfile(t, strings.Replace(rightConfig, "#global", "admin 127.0.0.1:1", 1))
	other := writeCaddyfile(t, strings.Replace(rightConfig, "#global", "admin "+strings.TrimPrefix(serve(t, http.NotFound), "http://"), 1))
	web := writeCaddyfile(t, strings.Replace(rightConfig, "#global", "admin "+strings.TrimPrefix(serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<!doctype html>"))
	}), "http://"), 1))
	off := writeCaddyfile(t, strings.Replace(rightConfig, "#global", "admin off", 1))
	for _, row := range []struct {
		name, input string
		args        []string
		want        string
	}{
		{"nothing", "", []string{"--config", running}, "at least one of the flags in the group [sub login token] is required"},
		{"two", "", []string{"--config", running, "--sub", "x", "--login", "y"}, "none of the others can be"},
		{"an empty sub", "", []string{"--config", running, "--sub", ""}, "--sub is empty; nothing was revoked"},
		{"an empty input", "", []string{"--config", running, "--token", "-"}, "the input is empty"},
		{"an encrypted token", "e30..aXY.Y2lwaGVy.dGFn", []string{"--config", running, "--login", "-"}, "nothing was revoked"},
		{"a gateway that does not run", "", []string{"--config", running, "--sub", "x", "--gateway", "partners"}, "partners"},
		{"no Caddy", "", []string{"--config", stopped, "--sub", "x"}, "connection refused; start Caddy, or run this command where Caddy runs"},
		{"a Caddy without itsme", "", []string{"--config", other, "--sub", "x"}, "answers /itsme/revoke with status 404, and not as caddy-itsme does"},
		{"a web site", "", []string{"--config", web, "--sub", "x"}, "answers /itsme/revoke with status 200, and not as caddy-itsme does"},
		{"no admin endpoint", "", []string{"--config", off, "--sub", "x"}, "remove admin off"},
	} {
		t.Run(row.name, func(t *testing.T) {
			out, err := itsmeReads(t, row.input, append([]string{"revoke"}, row.args...)...)
			if err == nil || !strings.Contains(err.Error(), row.want) || strings.HasPrefix(out, "revoked") {
				t.Errorf("it writes %q and ends with %v", out, err)
			}
		})
	}
}

// TestVersionCommand: a program of go test has no list of its dependencies. make xcaddy looks at a real one.
func TestVersionCommand(t *testing.T) {
	out, err := itsme(t, "version")
	lines := strings.Split(out, "\n")
	if err != nil || len(lines) != 4 || !strings.HasPrefix(lines[0], "caddy-itsme ") || !strings.HasPrefix(lines[1], "caddy ") || !strings.HasPrefix(lines[2], "go1.") {
		t.Errorf("it writes %q, %v", out, err)
	}
}
