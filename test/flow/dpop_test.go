package flow_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/dpoptest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

const (
	tokenURL    = publicURL + logintest.Path + "/token"
	sessionsURL = publicURL + logintest.Path + "/sessions"
	formType    = "application/x-www-form-urlencoded"
)

// dpop changes the gateway's rules about keys.
func dpop(mode gateway.DPoPMode, nonce bool) option {
	return func(c *gateway.Config, _ *signicattest.Config) {
		c.Token.DPoP, c.Token.DPoPNonce, c.Token.Refresh = mode, nonce, 30*24*time.Hour
	}
}

// inKeyEnv runs f in a bubble of testing/synctest, with a gateway that refreshes logins.
func inKeyEnv(t *testing.T, f func(t *testing.T, e *env), options ...option) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f(t, newEnv(t, append([]option{dpop(gateway.DPoPOptional, false)}, options...)...))
	})
}

// postProven posts with a proof. An empty proof is not sent.
func (e *env) postProven(path, mediaType, body, proof string) reply {
	r := httptest.NewRequest(http.MethodPost, publicURL+logintest.Path+path, strings.NewReader(body))
	r.Header.Set("Content-Type", mediaType)
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	return e.send(r)
}

// startProven starts a login with dpop_jkt or a proof, each where it is not empty.
func (a *app) startProven(t *testing.T, thumbprint, proof string) reply {
	t.Helper()
	body, err := json.Marshal(map[string]string{"code_challenge": logintest.Challenge(a.verifier), "dpop_jkt": thumbprint})
	check(t, err)
	answer := a.env.postProven("/sessions", "application/json", string(body), proof)
	a.sessionID, a.link = answer.text("session_id"), answer.text("authorization_request_url")
	return answer
}

func (a *app) redeemProven(proof string) reply {
	return a.env.postProven("/token", formType, url.Values{
		"grant_type": {"authorization_code"}, "code": {a.code}, "state": {a.state}, "code_verifier": {a.verifier},
	}.Encode(), proof)
}

func (e *env) refreshProven(token, proof string) reply {
	return e.postProven("/token", formType, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}.Encode(), proof)
}

// atToken returns a new proof for /token.
func atToken(t *testing.T, key *dpoptest.Key) string {
	t.Helper()
	return key.Sign(t, dpoptest.Proof{Method: "POST", URL: tokenURL})
}

// call calls a URL of the gateway with a DPoP token.
func (e *env) call(method, target, token, proof string) reply {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", proof)
	return e.send(r)
}

// boundLogin logs in with a key and returns the tokens.
func (e *env) boundLogin(t *testing.T, key *dpoptest.Key) (access, refresh string) {
	t.Helper()
	a := e.newApp()
	a.startProven(t, key.Thumbprint(), "")
	a.approve(t)
	answer := a.redeemProven(atToken(t, key))
	if answer.Code != http.StatusOK || answer.text("token_type") != "DPoP" {
		t.Fatalf("redeeming: %d %s", answer.Code, answer.Body)
	}
	return answer.text("access_token"), answer.text("refresh_token")
}

func wantError(t *testing.T, answer reply, status int, name string) {
	t.Helper()
	if answer.Code != status || answer.problem() != name {
		t.Errorf("got %d %s, want %d %s", answer.Code, answer.Body, status, name)
	}
}

// TestBoundLogin logs in with a key, calls the upstream, userinfo and logout with proofs, and refreshes.
func TestBoundLogin(t *testing.T) {
	inKeyEnv(t, func(t *testing.T, e *env) {
		key := dpoptest.NewKey(t)
		access, refresh := e.boundLogin(t, key)
		proof := func(method, url string) string {
			return key.Sign(t, dpoptest.Proof{Method: method, URL: url, Token: access})
		}
		if answer := e.call("GET", publicURL+"/accounts?x=1", access, proof("GET", publicURL+"/accounts")); answer.Code != http.StatusTeapot {
			t.Errorf("calling: %d %s", answer.Code, answer.Body)
		}
		userinfo, logout := publicURL+logintest.Path+"/userinfo", publicURL+logintest.Path+"/logout"
		if answer := e.call("GET", userinfo, access, proof("GET", userinfo)); answer.text("sub") == "" {
			t.Errorf("userinfo: %d %s", answer.Code, answer.Body)
		}
		for range 3 {
			answer := e.refreshProven(refresh, atToken(t, key))
			if answer.Code != http.StatusOK || answer.text("refresh_token") != refresh || answer.text("token_type") != "DPoP" || answer.text("access_token") == access {
				t.Fatalf("refreshing: %d %s", answer.Code, answer.Body)
			}
			access = answer.text("access_token")
		}
		if answer := e.call("GET", publicURL+"/", access, proof("GET", publicURL+"/")); answer.Code != http.StatusTeapot {
			t.Errorf("calling with a refreshed token: %d %s", answer.Code, answer.Body)
		}
		if answer := e.call("POST", logout, access, proof("POST", logout)); answer.Code != http.StatusNoContent {
			t.Errorf("logging out: %d %s", answer.Code, answer.Body)
		}
		wantError(t, e.refreshProven(refresh, atToken(t, key)), http.StatusBadRequest, "invalid_grant")
	})
}

// TestIntrospectionNamesTheKey: a service that asks about a token learns that a proof must come with it.
func TestIntrospectionNamesTheKey(t *testing.T) {
	inKeyEnv(t, func(t *testing.T, e *env) {
		key := dpoptest.NewKey(t)
		access, _ := e.boundLogin(t, key)
		answer := e.introspect(access)
		confirmation, _ := answer.json["cnf"].(map[string]any)
		if answer.text("token_type") != "DPoP" || confirmation["jkt"] != key.Thumbprint() {
			t.Errorf("got %d %s", answer.Code, answer.Body)
		}
	}, peered)
}

// TestStolenTokensNeedTheKey: a thief has the tokens, the code, the state and the verifier of a bound login, and a key of
// its own. Nothing that it sends changes anything, and the app goes on.
func TestStolenTokensNeedTheKey(t *testing.T) {
	inKeyEnv(t, func(t *testing.T, e *env) {
		key, thief := dpoptest.NewKey(t), dpoptest.NewKey(t)
		a := e.newApp()
		a.startProven(t, key.Thumbprint(), "")
		a.approve(t)
		before := e.Signicat.Counts()
		wantError(t, a.redeem(), http.StatusBadRequest, "invalid_dpop_proof")
		wantError(t, a.redeemProven(atToken(t, thief)), http.StatusBadRequest, "invalid_grant")
		if calls := e.Signicat.Counts(); !maps.Equal(calls, before) {
			t.Errorf("Signicat was called: %v, before: %v", calls, before)
		}
		answer := a.redeemProven(atToken(t, key))
		if answer.Code != http.StatusOK {
			t.Fatalf("redeeming: %d %s", answer.Code, answer.Body)
		}
		access, refresh := answer.text("access_token"), answer.text("refresh_token")
		wantError(t, a.redeem(), http.StatusBadRequest, "invalid_dpop_proof")
		wantError(t, a.redeemProven(atToken(t, thief)), http.StatusBadRequest, "invalid_grant")
		wantError(t, e.refresh(refresh), http.StatusBadRequest, "invalid_dpop_proof")
		wantError(t, e.refreshProven(refresh, atToken(t, thief)), http.StatusBadRequest, "invalid_grant")
		wantError(t, e.get("/", access), http.StatusUnauthorized, "invalid_token")
		of := func(signer *dpoptest.Key, method, url, token string) string {
			return signer.Sign(t, dpoptest.Proof{Method: method, URL: url, Token: token})
		}
		for name, proof := range map[string]string{
			"its own key": of(thief, "GET", publicURL+"/", access), "another method": of(key, "POST", publicURL+"/", access),
			"another path": of(key, "GET", publicURL+"/x", access), "another host": of(key, "GET", "https://evil.example/", access),
			"another token": of(key, "GET", publicURL+"/", access+"x"), "a proof for /token": atToken(t, key), "none": "",
		} {
			if answer := e.call("GET", publicURL+"/", access, proof); answer.problem() != "invalid_dpop_proof" || answer.Code != http.StatusUnauthorized {
				t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
			}
		}
		if answer := e.refreshProven(refresh, atToken(t, key)); answer.Code != http.StatusOK {
			t.Errorf("the app's refresh: %d %s", answer.Code, answer.Body)
		}
		if answer := e.call("GET", publicURL+"/", access, of(key, "GET", publicURL+"/", access)); answer.Code != http.StatusTeapot {
			t.Errorf("the app's call: %d %s", answer.Code, answer.Body)
		}
	})
}

// TestProofPassesOnceAtEveryEndpoint: a thief repeats what it saw, byte for byte.
func TestProofPassesOnceAtEveryEndpoint(t *testing.T) {
	inKeyEnv(t, func(t *testing.T, e *env) {
		key := dpoptest.NewKey(t)
		access, refresh := e.boundLogin(t, key)
		proof := atToken(t, key)
		if answer := e.refreshProven(refresh, proof); answer.Code != http.StatusOK {
			t.Fatalf("refreshing: %d %s", answer.Code, answer.Body)
		}
		wantError(t, e.refreshProven(refresh, proof), http.StatusBadRequest, "invalid_dpop_proof")
		proof = key.Sign(t, dpoptest.Proof{Method: "GET", URL: publicURL + "/", Token: access})
		if answer := e.call("GET", publicURL+"/", access, proof); answer.Code != http.StatusTeapot {
			t.Fatalf("calling: %d %s", answer.Code, answer.Body)
		}
		wantError(t, e.call("GET", publicURL+"/", access, proof), http.StatusUnauthorized, "invalid_dpop_proof")
		proof = key.Sign(t, dpoptest.Proof{Method: "POST", URL: sessionsURL})
		if answer := e.newApp().startProven(t, "", proof); answer.Code != http.StatusCreated {
			t.Fatalf("starting: %d %s", answer.Code, answer.Body)
		}
		wantError(t, e.newApp().startProven(t, "", proof), http.StatusBadRequest, "invalid_dpop_proof")
	})
}

// TestFirstFinishFixesTheKey: a login begins without a key. The first finish decides whether it has one; an attacker who
// comes later with the code and verifier cannot change that.
func TestFirstFinishFixesTheKey(t *testing.T) {
	inKeyEnv(t, func(t *testing.T, e *env) {
		key, other := dpoptest.NewKey(t), dpoptest.NewKey(t)
		bound := e.approvedApp(t)
		first := bound.redeemProven(atToken(t, key))
		if first.Code != http.StatusOK || first.text("token_type") != "DPoP" {
			t.Fatalf("redeeming with a key: %d %s", first.Code, first.Body)
		}
		wantError(t, bound.redeem(), http.StatusBadRequest, "invalid_dpop_proof")
		wantError(t, bound.redeemProven(atToken(t, other)), http.StatusBadRequest, "invalid_grant")
		if again := bound.redeemProven(atToken(t, key)); again.text("access_token") != first.text("access_token") {
			t.Errorf("the same key again: %d %s", again.Code, again.Body)
		}
		bearer := e.approvedApp(t)
		if answer := bearer.redeem(); answer.Code != http.StatusOK || answer.text("token_type") != "Bearer" {
			t.Fatalf("redeeming without a key: %d %s", answer.Code, answer.Body)
		}
		wantError(t, bearer.redeemProven(atToken(t, key)), http.StatusBadRequest, "invalid_grant")
		if answer := bearer.redeem(); answer.Code != http.StatusOK {
			t.Errorf("again without a key: %d %s", answer.Code, answer.Body)
		}
	})
}

// TestStartNamesTheKey: dpop_jkt and the proof of a start agree, and another key is another session.
func TestStartNamesTheKey(t *testing.T) {
	inKeyEnv(t, func(t *testing.T, e *env) {
		key, other := dpoptest.NewKey(t), dpoptest.NewKey(t)
		proof := func(key *dpoptest.Key) string { return key.Sign(t, dpoptest.Proof{Method: "POST", URL: sessionsURL}) }
		a := e.newApp()
		sessions := make(map[string]bool)
		for _, key := range []*dpoptest.Key{key, other} {
			answer := a.startProven(t, key.Thumbprint(), proof(key))
			if answer.Code != http.StatusCreated {
				t.Fatalf("starting: %d %s", answer.Code, answer.Body)
			}
			sessions[a.sessionID] = true
		}
		if a.start(); sessions[a.sessionID] || len(sessions) != 2 {
			t.Errorf("one session for several keys: %v, %s", sessions, a.sessionID)
		}
		wantError(t, a.startProven(t, key.Thumbprint(), proof(other)), http.StatusBadRequest, "invalid_dpop_proof")
		wantError(t, a.startProven(t, key.Thumbprint()[1:], ""), http.StatusBadRequest, "invalid_request")
		wantError(t, a.startProven(t, "", atToken(t, key)), http.StatusBadRequest, "invalid_dpop_proof")
		a = e.newApp()
		a.startProven(t, "", proof(key))
		a.approve(t)
		wantError(t, a.redeem(), http.StatusBadRequest, "invalid_dpop_proof")
		if answer := a.redeemProven(atToken(t, key)); answer.text("token_type") != "DPoP" {
			t.Errorf("redeeming: %d %s", answer.Code, answer.Body)
		}
	})
}

// TestRefreshBindsALogin: an app that was updated shows a proof at its next refresh. From then on the login needs the
// key, also with the refresh token from before, whose answer may be lost. The finish without a key is over.
func TestRefreshBindsALogin(t *testing.T) {
	inKeyEnv(t, func(t *testing.T, e *env) {
		key, other := dpoptest.NewKey(t), dpoptest.NewKey(t)
		a := e.approvedApp(t)
		old := a.redeem().text("refresh_token")
		answer := e.refreshProven(old, atToken(t, key))
		if answer.Code != http.StatusOK || answer.text("token_type") != "DPoP" {
			t.Fatalf("binding: %d %s", answer.Code, answer.Body)
		}
		bound := answer.text("refresh_token")
		for _, token := range []string{old, bound} {
			wantError(t, e.refresh(token), http.StatusBadRequest, "invalid_dpop_proof")
			wantError(t, e.refreshProven(token, atToken(t, other)), http.StatusBadRequest, "invalid_grant")
			pass(2 * time.Minute) // no repeat counts
			if answer := e.refreshProven(token, atToken(t, key)); answer.Code != http.StatusOK || answer.text("refresh_token") != bound {
				t.Errorf("with the key: %d %s", answer.Code, answer.Body)
			}
		}
		wantError(t, a.redeem(), http.StatusBadRequest, "invalid_grant")
		if answer := e.post("/revoke", formType, "token="+url.QueryEscape(bound)); answer.Code != http.StatusOK {
			t.Errorf("revoking without a proof: %d %s", answer.Code, answer.Body)
		}
		wantError(t, e.refreshProven(bound, atToken(t, key)), http.StatusBadRequest, "invalid_grant")
	})
}
