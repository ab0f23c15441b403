package caddy_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
)

// adminAnswer is an answer of Caddy's admin endpoint.
type adminAnswer struct {
	status int
	header http.Header
	body   string
}

func callAdmin(t *testing.T, s *caddytest.Server, method, path, body string, headers ...string) adminAnswer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.AdminURL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	answer, err := s.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	checkAdminDocument(t, r, body, answer, text)
	return adminAnswer{answer.StatusCode, answer.Header, string(text)}
}

func postAdmin(t *testing.T, s *caddytest.Server, path, body string) adminAnswer {
	t.Helper()
	return callAdmin(t, s, http.MethodPost, path, body, "Content-Type", "application/json")
}

// subjectAndID reads the sub and the jti of a token, without verifying it.
func subjectAndID(t *testing.T, raw string) (sub, jti string) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ Sub, JTI string }
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Sub == "" || claims.JTI == "" {
		t.Fatalf("no sub or jti: %v", err)
	}
	return claims.Sub, claims.JTI
}

// gatewayAnswer is the part of a gateway's state that the tests read.
type gatewayAnswer struct {
	Name, Issuer, Breaker string
	Store                 struct {
		Module  string
		Up      bool
		Pending int `json:"pending_sessions"`
	}
	Keys []keyAnswer
}

type keyAnswer struct {
	KID, Role string
	Age       *int64    `json:"age_seconds"`
	SignsFrom time.Time `json:"signs_from"`
}

func gateways(t *testing.T, s *caddytest.Server, path string) []gatewayAnswer {
	t.Helper()
	answer := callAdmin(t, s, http.MethodGet, path, "")
	var answered struct{ Gateways []gatewayAnswer }
	if err := json.Unmarshal([]byte(answer.body), &answered); err != nil || answer.status != http.StatusOK {
		t.Fatalf("%d %s: %v", answer.status, answer.body, err)
	}
	return answered.Gateways
}

// TestAdminTellsGateways reads the state of two gateways, and again after a reload that removes one.
func TestAdminTellsGateways(t *testing.T) {
	e := newMeteredEnv(t)
	e.fronts[0].NewApp().Start(t)
	answered := gateways(t, e.server, "/itsme/gateways")
	if len(answered) != 2 || answered[0].Name != "g0" || answered[1].Name != "g1" {
		t.Fatalf("answered are %+v", answered)
	}
	g := answered[0]
	if g.Issuer != e.fronts[0].URL || g.Breaker != "closed" || g.Store.Module != "memory" || !g.Store.Up || g.Store.Pending != 1 {
		t.Errorf("answered is %+v", g)
	}
	if len(g.Keys) != 2 || g.Keys[0].Role != "current" || g.Keys[1].Role != "next" || g.Keys[0].Age == nil || g.Keys[1].SignsFrom.Before(time.Now()) {
		t.Errorf("the keys are %+v", g.Keys)
	}
	e.reloadWith(t, 1)
	if answered := gateways(t, e.server, "/itsme/"); len(answered) != 1 || answered[0].Keys[0].KID != g.Keys[0].KID {
		t.Errorf("after a reload, answered are %+v", answered)
	}
}

// TestAdminTellsOfNoGateway reads the state of a Caddy without gateways.
func TestAdminTellsOfNoGateway(t *testing.T) {
	s := caddytest.Run(t, "{\n\tadmin {{admin}}\n}\nhttp://{{addr}} {\n\trespond ok\n}")
	if answered := gateways(t, s, "/itsme/gateways"); len(answered) != 0 {
		t.Errorf("answered are %+v", answered)
	}
	if got := postAdmin(t, s, "/itsme/revoke", `{"sub":"x"}`); got.status != http.StatusNotFound {
		t.Errorf("revoking: %d %s", got.status, got.body)
	}
}

// TestAdminTellsAKeyFile reads the state of a key from a file. It has no times and is not rotated.
func TestAdminTellsAKeyFile(t *testing.T) {
	config := strings.Replace(keysInStorage, "attributes name", "attributes name\n\t\ttoken {\n\t\t\tkey "+keystest.File(t, keystest.PEM(t))+"\n\t\t}", 1)
	s := caddytest.Run(t, config)
	keys := gateways(t, s, "/itsme/gateways")[0].Keys
	if len(keys) != 1 || keys[0].Role != "current" || keys[0].Age != nil {
		t.Errorf("the keys are %+v", keys)
	}
	if got := postAdmin(t, s, "/itsme/keys/rotate", `{}`); got.status != http.StatusConflict || !strings.Contains(got.body, "never rotated") {
		t.Errorf("rotating: %d %s", got.status, got.body)
	}
}

// keysInStorage is a gateway whose keys are in storage, and the admin endpoint.
const keysInStorage = `{
	admin {{admin}}
	itsme {
		public_url http://{{addr}}
		signicat {
			client_id     sandbox-healthy-hat-239
			client_secret "the secret"
			api_url       http://127.0.0.1:1
		}
		attributes name
	}
}
http://{{addr}} {
	itsme
	respond ok
}`

// TestAdminRefuses sends requests that cannot be carried out. Each refusal is JSON, as Caddy's own are.
func TestAdminRefuses(t *testing.T) {
	s := caddytest.Run(t, keysInStorage)
	before := gateways(t, s, "/itsme/gateways")[0].Keys
	for name, row := range map[string]struct {
		method, path, body string
		headers            []string
		want               int
	}{
		"no such endpoint":            {"GET", "/itsme/nosuch", "", nil, 404},
		"below an endpoint":           {"POST", "/itsme/revoke/x", `{"sub":"x"}`, nil, 404},
		"another method for the list": {"POST", "/itsme/gateways", "", nil, 405},
		"a read of what changes":      {"GET", "/itsme/revoke", "", nil, 405},
		"another method for keys":     {"DELETE", "/itsme/keys/rotate", "", nil, 405},
		"no body":                     {"POST", "/itsme/revoke", "", nil, 400},
		"a body that is no JSON":      {"POST", "/itsme/revoke", "sub=x", nil, 400},
		"nothing to revoke":           {"POST", "/itsme/revoke", `{}`, nil, 400},
		"two to revoke":               {"POST", "/itsme/revoke", `{"sub":"x","jti":"y"}`, nil, 400},
		"a misspelt member":           {"POST", "/itsme/keys/rotate", `{"drops":["x"]}`, nil, 400},
		"a member given twice":        {"POST", "/itsme/revoke", `{"sub":"x","sub":"y"}`, nil, 400},
		"a member in two spellings":   {"POST", "/itsme/keys/rotate", `{"drop":["x"],"Drop":["y"]}`, nil, 400},
		"a user in two spellings":     {"POST", "/itsme/revoke", `{"sub":"x","Sub":"y"}`, nil, 400},
		"a user with a long s":        {"POST", "/itsme/revoke", `{"sub":"x","ſub":"y"}`, nil, 400},
		"two objects":                 {"POST", "/itsme/revoke", `{"sub":"x"} {"sub":"y"}`, nil, 400},
		"keys to drop behind it":      {"POST", "/itsme/keys/rotate", `{} {"drop":["all"]}`, nil, 400},
		"a key that is not there":     {"POST", "/itsme/keys/rotate", `{"drop":["x"]}`, nil, 400},
		"no key to drop":              {"POST", "/itsme/keys/rotate", `{"drop":[]}`, nil, 400},
		"null for a key to drop":      {"POST", "/itsme/keys/rotate", `{"drop":null}`, nil, 400},
		"a gateway that is not there": {"POST", "/itsme/revoke", `{"gateway":"x","sub":"y"}`, nil, 404},
		"keys of no gateway":          {"POST", "/itsme/keys/rotate", `{"gateway":"x"}`, nil, 404},
		"too much":                    {"POST", "/itsme/revoke", `{"sub":"` + strings.Repeat("x", 16<<10) + `"}`, nil, 413},
		"a page of another origin":    {"POST", "/itsme/keys/rotate", `{}`, []string{"Origin", "https://evil.example"}, 403},
		"a name that was rebound":     {"GET", "/itsme/gateways", "", []string{"Host", "evil.example"}, 403},
		"a page that reads the state": {"GET", "/itsme/gateways", "", []string{"Origin", "https://evil.example"}, 403},
	} {
		got := callAdmin(t, s, row.method, row.path, row.body, append(row.headers, "Content-Type", "application/json")...)
		var answered struct{ Error string }
		if err := json.Unmarshal([]byte(got.body), &answered); got.status != row.want || err != nil || answered.Error == "" {
			t.Errorf("%s: %d %s, want %d", name, got.status, got.body, row.want)
		}
		if row.want == http.StatusMethodNotAllowed && got.header.Get("Allow") == "" {
			t.Errorf("%s: no Allow", name)
		}
	}
	after := gateways(t, s, "/itsme/gateways")[0].Keys
	if len(after) != len(before) || after[0].KID != before[0].KID || !after[1].SignsFrom.Equal(before[1].SignsFrom) {
		t.Errorf("the keys changed from %+v to %+v", before, after)
	}
}

// TestAdminRotatesKeys moves the next key forward, and then drops the key that signs. Tokens of the dropped
// key are refused as soon as the endpoint answers, without a reload.
func TestAdminRotatesKeys(t *testing.T) {
	e := newEventEnv(t)
	access := e.NewApp().Login(t, "adult")
	nextEvents(t, 2)
	before := gateways(t, e.server, "/itsme/gateways")[0].Keys
	got := postAdmin(t, e.server, "/itsme/keys/rotate", `{"gateway":"g0"}`)
	var answered struct{ Keys []keyAnswer }
	if err := json.Unmarshal([]byte(got.body), &answered); err != nil || got.status != http.StatusOK || len(answered.Keys) < 2 {
		t.Fatalf("rotating: %d %s", got.status, got.body)
	}
	if soon := answered.Keys[1].SignsFrom; soon.After(time.Now().Add(31*time.Minute)) || answered.Keys[1].KID != before[1].KID {
		t.Errorf("the next key %s signs from %s", answered.Keys[1].KID, soon)
	}
	wantEvents(t, map[string]any{"name": "itsme_keys_rotated", "cause": "requested", "kid": before[0].KID})

	if got := postAdmin(t, e.server, "/itsme/keys/rotate", `{"gateway":"g0","drop":["`+before[0].KID+`"]}`); got.status != http.StatusOK {
		t.Fatalf("dropping: %d %s", got.status, got.body)
	}
	wantEvents(t,
		map[string]any{"name": "itsme_keys_rotated", "cause": "in_force", "kid": before[1].KID},
		map[string]any{"name": "itsme_keys_rotated", "cause": "requested", "kid": before[1].KID})
	if got := e.NewApp().Call(t, "/api", access); got.Status != http.StatusUnauthorized {
		t.Errorf("a token of the dropped key: %d", got.Status)
	}
	if !strings.Contains(e.server.Log(), "signing keys were rotated through the admin endpoint") {
		t.Error("the log has no line of the rotation")
	}
}

// TestAdminRevokeCountsLogins revokes a user at one gateway and then at all gateways. The answer counts the
// logins that ended, and each of their tokens is refused.
func TestAdminRevokeCountsLogins(t *testing.T) {
	e := newMeteredEnv(t)
	var tokens [2][]string
	for i, f := range e.fronts {
		for range i + 2 {
			tokens[i] = append(tokens[i], f.NewApp().Login(t, "adult"))
		}
	}
	sub, jti := subjectAndID(t, tokens[0][0])
	other, _ := subjectAndID(t, tokens[1][0])
	if sub != other {
		t.Fatalf("the subjects are %s and %s", sub, other)
	}
	for _, step := range []struct{ body, want string }{
		{`{"jti":"` + jti + `"}`, `{"logins":0}`},
		{`{"login":"` + jti + `"}`, `{"logins":0}`}, // it cannot be refreshed, so the store does not have it
		{`{"gateway":"g1","sub":"` + sub + `"}`, `{"logins":3}`},
		{`{"sub":"` + sub + `"}`, `{"logins":1}`}, // of the two, one was revoked before
		{`{"sub":"` + sub + `"}`, `{"logins":0}`},
		{`{"sub":"stranger"}`, `{"logins":0}`},
	} {
		if got := postAdmin(t, e.server, "/itsme/revoke", step.body); got.status != http.StatusOK || got.body != step.want {
			t.Errorf("%s: %d %s, want %s", step.body, got.status, got.body, step.want)
		}
	}
	for i, f := range e.fronts {
		for _, token := range tokens[i] {
			if got := f.NewApp().Call(t, "/api", token); got.Status != http.StatusUnauthorized {
				t.Errorf("gateway %d: a token gets %d", i, got.Status)
			}
		}
		if got := f.NewApp().Call(t, "/api", f.NewApp().Login(t, "adult")); got.Status != http.StatusOK {
			t.Errorf("gateway %d: logged in again: %d", i, got.Status)
		}
	}
}
