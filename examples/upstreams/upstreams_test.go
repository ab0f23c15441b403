// Package upstreams_test runs the examples behind a gateway, and sends them tokens that they must refuse.
package upstreams_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
)

// persona has a name beyond ASCII, to find a service that does not decode the header.
const persona = "letters"

// TestExamples logs a user in. Every example must identify the user, by the headers and by the token, and
// refuse forgeries. Then the gateway's key changes, as after a leak.
func TestExamples(t *testing.T) {
	first, second := newSigningKey(t), newSigningKey(t)
	e := newEnv(t, first)
	running := make([]service, len(languages))
	for i, l := range languages {
		dir, command := l.prepare(t)
		jwks := e.countFetches(t)
		running[i] = service{
			name: l.name, fetches: &jwks.count,
			url:     start(t, dir, command, e.settings(l.name, jwks.URL)...),
			hurried: start(t, dir, l.hurried(command), e.settings(l.name, e.countFetches(t).URL)...),
		}
	}
	e.reload(t, first, running)
	raw := e.front.NewApp().Login(t, persona)
	for _, service := range running {
		t.Run(service.name, func(t *testing.T) { service.check(t, e.front, raw, first) })
	}
	e.reload(t, second, running)
	for _, service := range running {
		t.Run(service.name+", another key", func(t *testing.T) { service.checkRotation(t, raw, first, second) })
	}
}

const jwksPath = "/.well-known/jwks.json"

// service is a running example.
type service struct {
	name    string
	url     string // without the gateway
	fetches *atomic.Int64
	hurried string // URL of a second instance with a fast clock, which looks unknown kids up again
}

// check runs the checks with one key.
func (s service) check(t *testing.T, front *logintest.Env, raw string, key signingKey) {
	person := personOf(t, front)
	for _, path := range []string{"/headers", "/token"} {
		if status, got := ask(t, front.URL+"/"+s.name+path, raw); status != http.StatusOK || got != person {
			t.Errorf("%s through the gateway: %d %+v, want %+v", path, status, got, person)
		}
		if status, _ := ask(t, s.url+path, ""); status != http.StatusUnauthorized {
			t.Errorf("%s past the gateway, without a login: %d", path, status)
		}
	}
	good := s.like(t, raw, key)
	if status, _ := ask(t, s.hurried+"/token", good.sign(t)); status != http.StatusOK { // it knows the key that is to go
		t.Errorf("a good token, in a hurry: %d", status)
	}
	if status, _ := ask(t, s.url+"/token", raw); status != http.StatusUnauthorized { // past the gateway
		t.Errorf("the client's own token: %d", status)
	}
	if status, got := ask(t, s.url+"/token", good.sign(t)); status != http.StatusOK || got != person {
		t.Errorf("a token that is as good: %d %+v: the refusals below prove nothing", status, got)
	}
	for name, forged := range forgeries(t, good, key) {
		if status, _ := ask(t, s.url+"/token", forged.sign(t)); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status, _ := ask(t, s.url+"/token", altered(good.sign(t))); status != http.StatusUnauthorized {
		t.Errorf("an altered signature: %d", status)
	}
	for i := range 20 {
		made := good.changed(func(f *forgery) { f.header["kid"] = fmt.Sprint("made-up-", i) })
		ask(t, s.url+"/token", made.sign(t))
	}
	if n := s.fetches.Load(); n < 1 || n > 2 {
		t.Errorf("the keys were fetched %d times: clients that make up a kid decide how often", n)
	}
}

// like returns a forgery that the gateway could have minted for the service.
func (s service) like(t *testing.T, raw string, key signingKey) forgery {
	t.Helper()
	return like(t, raw, key).changed(func(f *forgery) { f.claims["aud"] = audienceOf(s.name) })
}

// checkRotation checks that the service fetches an unknown key, and then refuses the previous one.
func (s service) checkRotation(t *testing.T, raw string, before, now signingKey) {
	renewed := s.like(t, raw, now).changed(func(f *forgery) { f.header["kid"] = now.id })
	if status, _ := ask(t, s.hurried+"/token", renewed.sign(t)); status != http.StatusOK {
		t.Errorf("a token of the new key: %d", status)
	}
	if status, _ := ask(t, s.hurried+"/token", s.like(t, raw, before).sign(t)); status != http.StatusUnauthorized {
		t.Errorf("a token of a key that is gone: %d", status)
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

type person struct{ Sub, Name string }

// personOf returns subject and name of the persona, from the simulator.
func personOf(t *testing.T, front *logintest.Env) person {
	t.Helper()
	for _, p := range front.Signicat.Personas() {
		if p.Key == persona {
			return person{p.SubjectID, p.Attributes["name"]}
		}
	}
	t.Fatalf("there is no persona %s", persona)
	return person{}
}

// ask calls a service with a bearer token; an empty one sends none.
func ask(t *testing.T, url, raw string) (status int, answered person) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if raw != "" {
		r.Header.Set("Authorization", "Bearer "+raw)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(body, &answered) // a refusal is no JSON
	return answer.StatusCode, answered
}
