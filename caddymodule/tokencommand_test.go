package caddymodule_test

import (
	"bytes"
	"cmp"
	"errors"
	"strings"
	"testing"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// itsmeReads runs caddy itsme with a text on standard input.
func itsmeReads(t *testing.T, input string, args ...string) (string, error) {
	t.Helper()
	command := &cobra.Command{Use: "itsme", SilenceErrors: true, SilenceUsage: true}
	caddycmd.Commands()["itsme"].CobraFunc(command)
	var out bytes.Buffer
	command.SetIn(strings.NewReader(input))
	command.SetOut(&out)
	command.SetErr(&out)
	command.SetArgs(args)
	err := command.ExecuteContext(t.Context())
	return out.String(), err
}

// tokenSpec describes a token to issue.
type tokenSpec struct {
	key      []byte // in PEM
	issuer   string
	audience string
	subject  string    // zero means the same user
	at       time.Time // zero means now
	session  bool
}

func (m tokenSpec) token(t *testing.T) string {
	t.Helper()
	m.subject = cmp.Or(m.subject, "pseudonym=")
	if m.at.IsZero() {
		m.at = time.Now()
	}
	authority, err := token.NewAuthority(token.Config{
		Issuer: m.issuer, Audience: []string{m.audience}, ClientID: "app.example.be", SessionAudience: m.issuer + "/itsme",
		Lifetime: 15 * time.Minute, SessionLifetime: time.Hour, Now: func() time.Time { return m.at },
	}, keystest.Parse(t, m.key))
	if err != nil {
		t.Fatal(err)
	}
	issue := authority.IssueAccess
	if m.session {
		issue = authority.IssueSession
	}
	raw, _, err := issue(token.Claims{
		Subject: m.subject, ACR: "high", AuthTime: m.at,
		Attributes: map[string]any{"name": "Jan Peeters", "nin": map[string]any{"value": "81042419835"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestTokenIsVerifiedByTheKeysInStorage(t *testing.T) {
	server := caddytest.Run(t, storedConfig)
	config := configFile(t, server)
	good := tokenSpec{key: storedKey(t, server), issuer: server.URL, audience: server.URL, at: time.Now()}
	if out, err := itsmeReads(t, "Bearer "+good.token(t)+"\n", "token", "verify", "--config", config); err != nil ||
		!strings.HasPrefix(out, "valid: an access token of gateway default for "+server.URL+", which expires in ") ||
		!strings.Contains(out, "not checked: whether it was revoked") {
		t.Fatalf("a good token: %q, %v", out, err)
	}
	rotated := good.token(t)
	if _, err := itsme(t, "keys", "rotate", "--drop", storedKeys(t, server)[0].ID, "--config", config); err != nil {
		t.Fatal(err)
	}
	good.key = []byte(storedKeys(t, server)[0].PrivateKey)
	valid := good.token(t)
	with := func(change func(*tokenSpec)) string {
		m := good
		change(&m)
		return m.token(t)
	}
	for _, row := range []struct {
		name, raw string
		args      []string
		want      error
		words     string
	}{
		{"a good one, as an argument", "", []string{valid}, nil, ""},
		{"the audience that it is for", valid, []string{"--audience", server.URL}, nil, ""},
		{"another audience", valid, []string{"--audience", "https://api.example.be"}, token.ErrAudience, "it is for another audience; its aud is \"" + server.URL},
		{"a key that was dropped", rotated, nil, token.ErrUnknownKey, "its key was dropped"},
		{"a key of another gateway", with(func(m *tokenSpec) { m.key = keystest.PEM(t) }), nil, token.ErrUnknownKey, "another gateway"},
		{"another issuer", with(func(m *tokenSpec) { m.issuer = "https://other.example.be" }), nil, token.ErrIssuer, "another issuer made it"},
		{"one that has expired", with(func(m *tokenSpec) { m.at = time.Now().Add(-time.Hour) }), nil, token.ErrExpired, "it has expired; it expired 45m"},
		{"one from the future", with(func(m *tokenSpec) { m.at = time.Now().Add(time.Hour) }), nil, token.ErrNotYetValid, "it is from the future"},
		{"a session token", with(func(m *tokenSpec) { m.session = true }), nil, token.ErrType, "a session token, the value of a browser's cookie"},
		{"one that was cut", valid[:len(valid)-9], nil, token.ErrMalformed, "it was cut"},
		{"one that was changed", altered(valid), nil, token.ErrSignature, "its signature does not match"},
		{"garbage", "garbage", nil, token.ErrMalformed, "it does not have the form of the gateway's tokens"},
		{"one that is too long", "e30." + strings.Repeat("A", token.MaxSize) + ".A", nil, token.ErrTooLarge, "it is longer than 8192 bytes"},
	} {
		t.Run(row.name, func(t *testing.T) {
			out, err := itsmeReads(t, row.raw, append([]string{"token", "verify", "--config", config}, row.args...)...)
			if !errors.Is(err, row.want) || (err == nil) != (row.want == nil) {
				t.Fatalf("it writes %q and ends with %v, want %v", out, err, row.want)
			}
			if err != nil && !strings.Contains(err.Error(), "gateway default: the token is not valid: ") || err != nil && !strings.Contains(err.Error(), row.words) {
				t.Errorf("it says %q, want %q", err, row.words)
			}
			if row.raw != "" && err != nil && strings.Contains(err.Error(), row.raw) {
				t.Error("it repeats the token")
			}
		})
	}
}

// altered changes a character in the middle of the signature, where every bit counts.
func altered(raw string) string {
	i := (strings.LastIndexByte(raw, '.') + len(raw)) / 2
	other := "A"
	if raw[i] == 'A' {
		other = "B"
	}
	return raw[:i] + other + raw[i+1:]
}

// TestTokenIsVerifiedByItsIssuer has two gateways with key files, and variables that are not set
// for what has nothing to do with tokens.
func TestTokenIsVerifiedByItsIssuer(t *testing.T) {
	one, two := keystest.PEM(t), keystest.PEM(t)
	config := strings.Replace(rightConfig, "#gateway", "token {\nkey "+keystest.File(t, one)+"\n}", 1)
	config = strings.Replace(config, "#global", second("https://b.example.be", "token {\nkey "+keystest.File(t, two)+"\n}"), 1)
	config = strings.ReplaceAll(config, clientSecret, "{env.ITSME_TEST_UNSET}")
	file := writeCaddyfile(t, config)
	theirs := tokenSpec{key: two, issuer: "https://b.example.be", audience: "https://b.example.be", at: time.Now()}.token(t)
	out, err := itsmeReads(t, theirs, "token", "verify", "--config", file)
	if err != nil || !strings.HasPrefix(out, "valid: an access token of gateway second for https://b.example.be") {
		t.Errorf("it writes %q and ends with %v", out, err)
	}
	if _, err := itsmeReads(t, theirs, "token", "verify", "--gateway", "default", "--config", file); !errors.Is(err, token.ErrUnknownKey) {
		t.Errorf("with the other gateway it ends with %v", err)
	}
	strange := tokenSpec{key: two, issuer: "https://c.example.be", audience: "https://b.example.be", at: time.Now()}.token(t)
	if _, err := itsmeReads(t, strange, "token", "verify", "--config", file); err == nil || !strings.Contains(err.Error(), "none of the gateways is its issuer") {
		t.Errorf("with a third issuer it ends with %v", err)
	}
}

func TestTokenVerifyErrors(t *testing.T) {
	file := writeCaddyfile(t, strings.Replace(rightConfig, "#global", "storage file_system "+t.TempDir(), 1))
	for _, row := range []struct{ name, raw, want string }{
		{"nothing", " \n", "the input is empty; give the token on standard input"},
		{"a megabyte", strings.Repeat("A", 1<<20), "this is not a token: it is longer than 65536 bytes"},
		{"a refresh token", "abc~1~def", "this is a refresh token: only its gateway can verify it"},
		{"no keys", "e30.e30.A", "gateway default: there are no signing keys yet"},
	} {
		t.Run(row.name, func(t *testing.T) {
			out, err := itsmeReads(t, row.raw, "token", "verify", "--config", file, "-")
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("it writes %q and ends with %v", out, err)
			}
		})
	}
}
