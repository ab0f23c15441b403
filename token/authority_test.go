package token_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			key := newKey(t, algorithm)
			authority := newAuthority(t, config(), keystest.Of(t, key))
			want := person()
			want.Issuer, want.Audience, want.ClientID = issuer, []string{audience}, clientID
			want.ID, want.IDP, want.KeyID = "login.7", "itsme", key.ID()
			want.IssuedAt, want.ExpiresAt = noon, noon.Add(15*time.Minute)

			in := person()
			in.ID = "login.7"
			raw, issued, err := authority.IssueAccess(in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, issued); diff != "" {
				t.Errorf("issued (-want +got):\n%s", diff)
			}
			verified, err := authority.VerifyAccess(raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&want, verified); diff != "" {
				t.Errorf("verified (-want +got):\n%s", diff)
			}

			want.Audience, want.ExpiresAt = []string{sessionAudience}, noon.Add(8*time.Hour)
			raw, issued, err = authority.IssueSession(in)
			if err != nil {
				t.Fatal(err)
			}
			verified, err = authority.VerifySession(raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, issued) + cmp.Diff(&want, verified); diff != "" {
				t.Errorf("session (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLayout holds the bytes of a token, which other programs read: members may be added, never moved or renamed.
func TestLayout(t *testing.T) {
	t.Parallel()
	key := newKey(t, token.EdDSA)
	authority := newAuthority(t, config(), keystest.Of(t, key))
	claims := person()
	claims.ID = "login"
	raw, _, err := authority.IssueAccess(claims)
	if err != nil {
		t.Fatal(err)
	}
	part := strings.Split(raw, ".")
	wantHeader := `{"alg":"EdDSA","typ":"at+jwt","kid":"` + key.ID() + `"}`
	wantPayload := `{"iss":"https://app.example.be","aud":"https://api.example.be","sub":"c3ViamVjdA","exp":1773922500,` +
		`"iat":1773921600,"jti":"login","client_id":"app.example.be","auth_time":1773921540,"acr":"high","idp":"itsme",` +
		`"email_verified":false,"name":"Zoë Ångström",` +
		`"nin":{"issuing_country":"BE","type":"PERSON","value":"81042419835"}}`
	if diff := cmp.Diff([]string{wantHeader, wantPayload}, []string{decode(t, part[0]), decode(t, part[1])}); diff != "" {
		t.Errorf("header and payload (-want +got):\n%s", diff)
	}
}

func TestSeveralAudiences(t *testing.T) {
	t.Parallel()
	c := config()
	c.Audience = []string{audience, "https://other.example.be"}
	authority := newAuthority(t, c, keystest.Of(t, newKey(t, token.EdDSA)))
	raw := issueAccess(t, authority)
	payload, want := decode(t, strings.Split(raw, ".")[1]), `"aud":["https://api.example.be","https://other.example.be"]`
	if !strings.Contains(payload, want) {
		t.Errorf("payload %s without %s", payload, want)
	}
	claims, err := authority.VerifyAccess(raw)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.Audience, claims.Audience); diff != "" {
		t.Errorf("audience (-want +got):\n%s", diff)
	}
}

func TestExpiresAtIsNeverLaterThanTheLifetime(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, config(), keystest.Of(t, newKey(t, token.EdDSA)))
	for _, row := range []struct {
		name    string
		preset  time.Time
		want    time.Time
		wantErr error
	}{
		{"not set", time.Time{}, noon.Add(15 * time.Minute), nil},
		{"earlier", noon.Add(time.Minute), noon.Add(time.Minute), nil},
		{"earlier, within a second", noon.Add(time.Minute + 999*time.Millisecond), noon.Add(time.Minute), nil},
		{"later", noon.Add(time.Hour), noon.Add(15 * time.Minute), nil},
		{"now", noon, time.Time{}, token.ErrExpired},
		{"less than a second away", noon.Add(time.Millisecond), time.Time{}, token.ErrExpired},
		{"past", noon.Add(-time.Hour), time.Time{}, token.ErrExpired},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			claims := person()
			claims.ExpiresAt = row.preset
			_, issued, err := authority.IssueAccess(claims)
			if !errors.Is(err, row.wantErr) {
				t.Fatalf("got %v, want %v", err, row.wantErr)
			}
			if !issued.ExpiresAt.Equal(row.want) {
				t.Errorf("got %v, want %v", issued.ExpiresAt, row.want)
			}
		})
	}
}

func TestNothingWithoutKeys(t *testing.T) {
	t.Parallel()
	inForce := new(token.Keys)
	authority := newAuthority(t, config(), inForce)
	_, _, access := authority.IssueAccess(person())
	_, _, session := authority.IssueSession(person())
	_, verifyAccess := authority.VerifyAccess("a.b.c")
	_, verifySession := authority.VerifySession("a.b.c")
	for _, err := range []error{access, session, verifyAccess, verifySession} {
		if !errors.Is(err, token.ErrNoKeys) {
			t.Errorf("got %v, want %v", err, token.ErrNoKeys)
		}
	}
}

func TestNewID(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, config(), new(token.Keys))
	seen := make(map[string]bool)
	for range 1000 {
		id := authority.NewID()
		if len(id) < 22 || strings.Contains(id, ".") || seen[id] {
			t.Fatalf("ID %q", id)
		}
		seen[id] = true
	}
	c := config()
	c.Rand = bytes.NewReader(make([]byte, 16))
	if id := newAuthority(t, c, new(token.Keys)).NewID(); id != strings.Repeat("A", 22) {
		t.Errorf("ID of zeros: %q", id)
	}
}

// TestNoRandomnessNoID fails the random source: an ID that is not random would let logins be guessed or mixed up.
func TestNoRandomnessNoID(t *testing.T) {
	t.Parallel()
	c := config()
	c.Rand = iotest.ErrReader(errors.New("no entropy"))
	defer func() {
		if recover() == nil {
			t.Error("made an ID without randomness")
		}
	}()
	newAuthority(t, c, new(token.Keys)).NewID()
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		change  func(*token.Config)
		wantErr error
	}{
		{"complete", func(*token.Config) {}, nil},
		{"no clock and no random source", func(c *token.Config) { c.Now, c.Rand = nil, nil }, nil},
		{"issuer with a path", func(c *token.Config) { c.Issuer = "https://app.example.be/tenant" }, nil},
		{"http issuer on localhost", func(c *token.Config) { c.Issuer = "http://localhost:8080" }, nil},
		{"http issuer on a name below localhost", func(c *token.Config) { c.Issuer = "http://app.localhost:8080" }, nil},
		{"http issuer on 127.0.0.2", func(c *token.Config) { c.Issuer = "http://127.0.0.2:8080" }, nil},
		{"http issuer on ::1", func(c *token.Config) { c.Issuer = "http://[::1]:8080" }, nil},
		{"no issuer", func(c *token.Config) { c.Issuer = "" }, token.ErrConfig},
		{"http issuer", func(c *token.Config) { c.Issuer = "http://app.example.be" }, token.ErrConfig},
		{"http issuer that begins with localhost", func(c *token.Config) { c.Issuer = "http://localhost.evil.be" }, token.ErrConfig},
		{"issuer of another scheme", func(c *token.Config) { c.Issuer = "ftp://app.example.be" }, token.ErrConfig},
		{"issuer without a scheme", func(c *token.Config) { c.Issuer = "app.example.be" }, token.ErrConfig},
		{"issuer without a host", func(c *token.Config) { c.Issuer = "https:///x" }, token.ErrConfig},
		{"issuer with a port but no host", func(c *token.Config) { c.Issuer = "https://:443" }, token.ErrConfig},
		{"issuer with a query", func(c *token.Config) { c.Issuer += "/?a=b" }, token.ErrConfig},
		{"issuer with an empty query", func(c *token.Config) { c.Issuer += "/?" }, token.ErrConfig},
		{"issuer with an empty fragment", func(c *token.Config) { c.Issuer += "#" }, token.ErrConfig},
		{"issuer with a user", func(c *token.Config) { c.Issuer = "https://me@app.example.be" }, token.ErrConfig},
		{"issuer that is no URL", func(c *token.Config) { c.Issuer = "https://app example" }, token.ErrConfig},
		{"issuer that is not UTF-8", func(c *token.Config) { c.Issuer += "/\xff" }, token.ErrConfig},
		{"no audience", func(c *token.Config) { c.Audience = nil }, token.ErrConfig},
		{"an empty audience", func(c *token.Config) { c.Audience = []string{audience, ""} }, token.ErrConfig},
		{"an audience that is not UTF-8", func(c *token.Config) { c.Audience = []string{"\xff"} }, token.ErrConfig},
		{"no client ID", func(c *token.Config) { c.ClientID = "" }, token.ErrConfig},
		{"no session audience", func(c *token.Config) { c.SessionAudience = "" }, token.ErrConfig},
		{"one audience for both kinds", func(c *token.Config) { c.SessionAudience = audience }, token.ErrConfig},
		{"no lifetime", func(c *token.Config) { c.Lifetime = 0 }, token.ErrConfig},
		{"a negative lifetime", func(c *token.Config) { c.Lifetime = -time.Hour }, token.ErrConfig},
		{"a session lifetime under a second", func(c *token.Config) { c.SessionLifetime = time.Millisecond }, token.ErrConfig},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c := config()
			row.change(&c)
			if _, err := token.NewAuthority(c, new(token.Keys)); !errors.Is(err, row.wantErr) {
				t.Errorf("got %v, want %v", err, row.wantErr)
			}
		})
	}
	if _, err := token.NewAuthority(config(), nil); !errors.Is(err, token.ErrConfig) {
		t.Errorf("no keys: got %v, want %v", err, token.ErrConfig)
	}
}
