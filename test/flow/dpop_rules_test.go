package flow_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/dpoptest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestWrongClockSucceedsWithANonce: a phone's clock is years off. Every endpoint gives it a nonce, with which it succeeds.
func TestWrongClockSucceedsWithANonce(t *testing.T) {
	inKeyEnv(t, func(t *testing.T, e *env) {
		key := dpoptest.NewKey(t)
		wrong := time.Unix(1, 0)
		retry := func(status int, send func(nonce string) reply) reply {
			t.Helper()
			answer := send("")
			wantError(t, answer, status, "use_dpop_nonce")
			nonce := answer.Header().Get("DPoP-Nonce")
			if nonce == "" || answer.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("the nonce is %q, with Cache-Control %q", nonce, answer.Header().Get("Cache-Control"))
			}
			return send(nonce)
		}
		a := e.newApp()
		answer := retry(http.StatusBadRequest, func(nonce string) reply {
			return a.startProven(t, "", key.Sign(t, dpoptest.Proof{Method: "POST", URL: sessionsURL, At: wrong, Nonce: nonce}))
		})
		if answer.Code != http.StatusCreated {
			t.Fatalf("starting: %d %s", answer.Code, answer.Body)
		}
		a.approve(t)
		answer = retry(http.StatusBadRequest, func(nonce string) reply {
			return a.redeemProven(key.Sign(t, dpoptest.Proof{Method: "POST", URL: tokenURL, At: wrong, Nonce: nonce}))
		})
		access := answer.text("access_token")
		for method, target := range map[string]string{"GET": publicURL + logintest.Path + "/userinfo", "PUT": publicURL + "/"} {
			answer = retry(http.StatusUnauthorized, func(nonce string) reply {
				proof := key.Sign(t, dpoptest.Proof{Method: method, URL: target, Token: access, At: wrong, Nonce: nonce})
				return e.call(method, target, access, proof)
			})
			if answer.Code != http.StatusOK && answer.Code != http.StatusTeapot {
				t.Errorf("%s: %d %s", target, answer.Code, answer.Body)
			}
			if nonce := answer.Header().Get("DPoP-Nonce"); nonce != "" {
				t.Errorf("%s: a young nonce is replaced by %q", target, nonce)
			}
		}
	})
}

// TestNonceIsDemandedAndRenewed: with nonce, a proof made in advance is of no use. A client that goes on calling gets its
// next nonce in time, in answers that no shared cache keeps.
func TestNonceIsDemandedAndRenewed(t *testing.T) {
	inKeyEnv(t, func(t *testing.T, e *env) {
		key := dpoptest.NewKey(t)
		a := e.newApp()
		a.startProven(t, key.Thumbprint(), "")
		a.approve(t)
		wantError(t, a.redeemProven(atToken(t, key)), http.StatusBadRequest, "use_dpop_nonce")
		nonce := a.redeemProven(atToken(t, key)).Header().Get("DPoP-Nonce")
		answer := a.redeemProven(key.Sign(t, dpoptest.Proof{Method: "POST", URL: tokenURL, Nonce: nonce}))
		access := answer.text("access_token")
		for range 5 {
			pass(3 * time.Minute)
			answer = e.call("GET", publicURL+"/", access, key.Sign(t, dpoptest.Proof{Method: "GET", URL: publicURL + "/", Token: access, Nonce: nonce}))
			next := answer.Header().Get("DPoP-Nonce")
			if answer.Code != http.StatusTeapot || next == "" || !strings.Contains(answer.Header().Get("Cache-Control"), "private") {
				t.Fatalf("calling: %d, nonce %q, Cache-Control %q", answer.Code, next, answer.Header().Get("Cache-Control"))
			}
			nonce = next
		}
	}, dpop(gateway.DPoPOptional, true), func(c *gateway.Config, _ *signicattest.Config) { c.Token.Lifetime = time.Hour })
}

// TestKeyIsRequired: with required, an app without a key gets no token, cannot use one from before, and binds its login at
// the next refresh. A cookie goes on.
func TestKeyIsRequired(t *testing.T) {
	inKeyEnv(t, func(t *testing.T, e *env) {
		key := dpoptest.NewKey(t)
		answer := e.approvedApp(t).redeem()
		access, refresh := answer.text("access_token"), answer.text("refresh_token")
		e.Config.Token.DPoP = gateway.DPoPRequired
		e.Restart(t)
		a := e.approvedApp(t)
		wantError(t, a.redeem(), http.StatusBadRequest, "invalid_dpop_proof")
		if answer := a.redeemProven(atToken(t, key)); answer.text("token_type") != "DPoP" {
			t.Errorf("redeeming: %d %s", answer.Code, answer.Body)
		}
		refused := e.get("/", access)
		wantError(t, refused, http.StatusUnauthorized, "invalid_token")
		if got := refused.Header()["Www-Authenticate"]; len(got) != 1 || !strings.HasPrefix(got[0], `DPoP error="invalid_token"`) {
			t.Errorf("the challenges are %q", got)
		}
		wantError(t, e.refresh(refresh), http.StatusBadRequest, "invalid_dpop_proof")
		if answer := e.refreshProven(refresh, atToken(t, key)); answer.text("token_type") != "DPoP" {
			t.Errorf("refreshing: %d %s", answer.Code, answer.Body)
		}
		document := e.get("/.well-known/oauth-protected-resource", "")
		if document.json["dpop_bound_access_tokens_required"] != true {
			t.Errorf("the metadata are %s", document.Body)
		}
	})
}

// TestChallengesNameTheSchemes: a client learns from a refusal how to come back.
func TestChallengesNameTheSchemes(t *testing.T) {
	inKeyEnv(t, func(t *testing.T, e *env) {
		key := dpoptest.NewKey(t)
		access, _ := e.boundLogin(t, key)
		bearer := e.login(t)
		const metadata = `resource_metadata="` + publicURL + `/.well-known/oauth-protected-resource"`
		proof := func(token string) string {
			return key.Sign(t, dpoptest.Proof{Method: "GET", URL: publicURL + "/", Token: token})
		}
		const invalid = `error="invalid_token", error_description="The access token is not valid"`
		for name, row := range map[string]struct {
			answer reply
			want   []string
		}{
			"no credential":   {e.get("/", ""), []string{"Bearer " + metadata, `DPoP algs="ES256", ` + metadata}},
			"bound as Bearer": {e.get("/", access), []string{"Bearer " + invalid + ", " + metadata}},
			"unbound as DPoP": {e.call("GET", publicURL+"/", bearer, proof(bearer)), []string{"DPoP " + invalid + `, algs="ES256", ` + metadata}},
			"no proof": {e.call("GET", publicURL+"/", access, "x"), []string{
				`DPoP error="invalid_dpop_proof", error_description="The DPoP proof is not valid", algs="ES256", ` + metadata,
			}},
		} {
			if got := row.answer.Header()["Www-Authenticate"]; row.answer.Code != http.StatusUnauthorized || strings.Join(got, "\n") != strings.Join(row.want, "\n") {
				t.Errorf("%s: %d %q, want %q", name, row.answer.Code, got, row.want)
			}
			if nonce := row.answer.Header().Get("DPoP-Nonce"); nonce != "" {
				t.Errorf("%s: the answer has the nonce %q", name, nonce)
			}
		}
	})
}

// TestUsedProofsOutliveAReload: a new configuration takes over while a proof still passes.
func TestUsedProofsOutliveAReload(t *testing.T) {
	inKeyEnv(t, func(t *testing.T, e *env) {
		e.Config.Proofs = gateway.NewProofMemory()
		e.Restart(t)
		key := dpoptest.NewKey(t)
		access, _ := e.boundLogin(t, key)
		proof := key.Sign(t, dpoptest.Proof{Method: "GET", URL: publicURL + "/", Token: access})
		if answer := e.call("GET", publicURL+"/", access, proof); answer.Code != http.StatusTeapot {
			t.Fatalf("calling: %d %s", answer.Code, answer.Body)
		}
		e.Restart(t)
		wantError(t, e.call("GET", publicURL+"/", access, proof), http.StatusUnauthorized, "invalid_dpop_proof")
	})
}

// TestOneKeyIsBounded: a client with a login sends one proof after the other. Another client goes on.
func TestOneKeyIsBounded(t *testing.T) {
	inKeyEnv(t, func(t *testing.T, e *env) {
		key, other := dpoptest.NewKey(t), dpoptest.NewKey(t)
		access, _ := e.boundLogin(t, key)
		otherAccess, _ := e.boundLogin(t, other)
		get := func(key *dpoptest.Key, access string) reply {
			return e.call("GET", publicURL+"/", access, key.Sign(t, dpoptest.Proof{Method: "GET", URL: publicURL + "/", Token: access}))
		}
		for n := range 999 { // and one at /token
			if answer := get(key, access); answer.Code != http.StatusTeapot {
				t.Fatalf("call %d: %d %s", n, answer.Code, answer.Body)
			}
		}
		if answer := get(key, access); answer.Code != http.StatusTooManyRequests || answer.Header().Get("Retry-After") == "" {
			t.Errorf("one more: %d %s", answer.Code, answer.Body)
		}
		if answer := get(other, otherAccess); answer.Code != http.StatusTeapot {
			t.Errorf("another client: %d %s", answer.Code, answer.Body)
		}
		pass(2 * time.Minute)
		if answer := get(key, access); answer.Code != http.StatusTeapot {
			t.Errorf("later: %d %s", answer.Code, answer.Body)
		}
	})
}
