package mobile_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// vectors are vectors.json.
type vectors struct {
	Challenges []struct {
		Verifier  string `json:"code_verifier"`
		Challenge string `json:"code_challenge"`
	}
	Keys     []struct{ X, Y, Thumbprint string }
	Sessions []struct {
		State string `json:"state"`
		ID    string `json:"session_id"`
	}
	Callbacks []struct {
		About, URL, State string
		Code, Error       *string
		ID                string `json:"session_id"`
	}
	Ignored []struct{ About, URL string }
}

// TestVectors compares the vectors with the gateway's own functions, and with Go's.
func TestVectors(t *testing.T) {
	t.Parallel()
	var v vectors
	if err := json.Unmarshal([]byte(read(t, "vectors.json")), &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Challenges) < 2 || len(v.Keys) < 1 || len(v.Sessions) < 3 || len(v.Callbacks) < 5 || len(v.Ignored) < 5 {
		t.Fatal("vectors.json has fewer vectors than it had")
	}
	for _, c := range v.Challenges {
		if hash(c.Verifier) != c.Challenge {
			t.Errorf("the challenge of %s is %s", c.Verifier, hash(c.Verifier))
		}
	}
	for _, k := range v.Keys { // RFC 7638 section 3
		if hash(`{"crv":"P-256","kty":"EC","x":"`+k.X+`","y":"`+k.Y+`"}`) != k.Thumbprint {
			t.Errorf("the thumbprint of %s is not %s", k.X, k.Thumbprint)
		}
	}
	for _, s := range v.Sessions {
		if gateway.SessionID(s.State) != s.ID {
			t.Errorf("the session_id of %s is %s", s.State, gateway.SessionID(s.State))
		}
	}
	for _, c := range v.Callbacks {
		query, ok := single(c.URL)
		code, hasCode := query["code"]
		problem, hasError := query["error"]
		if !ok || query["state"] != c.State || gateway.SessionID(c.State) != c.ID ||
			hasCode != (c.Code != nil) || (hasCode && code != *c.Code) || hasError != (c.Error != nil) || (hasError && problem != *c.Error) {
			t.Errorf("%s: Go reads %v", c.About, query)
		}
	}
	for _, i := range v.Ignored {
		if query, ok := single(i.URL); ok && query["state"] != "" {
			t.Errorf("%s: Go reads %v", i.About, query)
		}
	}
}

// single reads the query of a URL in which no parameter stands twice.
func single(raw string) (query map[string]string, ok bool) {
	whole, _, _ := strings.Cut(raw, "#")
	_, text, _ := strings.Cut(whole, "?")
	values, err := url.ParseQuery(text)
	query = make(map[string]string, len(values))
	for name, all := range values {
		if len(all) > 1 {
			return nil, false
		}
		query[name] = all[0]
	}
	return query, err == nil
}

// TestGatewayTakesTheVectors logs in with each challenge and verifier.
func TestGatewayTakesTheVectors(t *testing.T) {
	t.Parallel()
	var v vectors
	if err := json.Unmarshal([]byte(read(t, "vectors.json")), &v); err != nil {
		t.Fatal(err)
	}
	login := readStories(t)[0]
	for _, c := range v.Challenges {
		p := newPlayer(t, login)
		p.has["code_verifier"], p.has["code_challenge"] = c.Verifier, c.Challenge
		for _, s := range login.steps {
			p.play(t, s)
		}
	}
}
