package signicattest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// BenchmarkLogin is what one login costs the simulator itself, without a network: create, approve, validate, read.
func BenchmarkLogin(b *testing.B) {
	sim, err := signicattest.New(signicattest.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer sim.Close()
	var token string
	call := func(method, path, contentType, body string) map[string]any {
		r := httptest.NewRequestWithContext(b.Context(), method, path, strings.NewReader(body))
		r.Header = http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {contentType}, "Signicat-Accountid": accountHeader["Signicat-Accountid"]}
		w := httptest.NewRecorder()
		sim.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
		var answer map[string]any
		_ = json.Unmarshal(w.Body.Bytes(), &answer) // a validation has none
		return answer
	}
	token, _ = call(http.MethodPost, tokenPath, "application/x-www-form-urlencoded", url.Values{
		"grant_type": {"client_credentials"}, "scope": {"signicat-api"},
		"client_id": {signicattest.DefaultClientID}, "client_secret": {signicattest.DefaultClientSecret},
	}.Encode())["access_token"].(string)
	for b.Loop() {
		session := call(http.MethodPost, "/auth/rest/sessions", "application/json", sessionBody)
		idp, _ := session["idpData"].(map[string]any)
		redirect, err := sim.Approve(idp["authorizationRequestUrl"].(string), "adult")
		if err != nil {
			b.Fatal(err)
		}
		u, err := url.Parse(redirect)
		if err != nil {
			b.Fatal(err)
		}
		body, err := json.Marshal(map[string]any{"code": u.Query().Get("code"), "state": u.Query().Get("state"), "transactionId": idp["transactionId"]})
		if err != nil {
			b.Fatal(err)
		}
		call(http.MethodPost, validatePath, "application/json", string(body))
		call(http.MethodGet, "/auth/rest/sessions/"+session["id"].(string), "", "")
	}
}
