package apitest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// plain returns the headers of an answer that no cache keeps.
func plain(more ...string) http.Header {
	h := http.Header{"Cache-Control": {"no-store"}, "X-Content-Type-Options": {"nosniff"}, "Date": {"now"}}
	for i := 0; i < len(more); i += 2 {
		h.Set(more[i], more[i+1])
	}
	return h
}

const (
	session  = "/itsme/sessions/47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
	status   = `{"status":"pending","expires_in":9}`
	notFound = `{"type":"https://a.be/itsme/problems/invalid_request","title":"x","status":404,"code":"invalid_request"}`
	noMethod = `{"type":"https://a.be/itsme/problems/invalid_request","title":"x","status":405,"code":"invalid_request"}`
	required = `{"type":"https://a.be/itsme/problems/authentication_required","title":"x","status":401,"code":"authentication_required"}`
	problem  = "application/problem+json"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	finish   = "grant_type=authorization_code&code=c&state=s&code_verifier=" + verifier
	tokens   = `{"access_token":"a.b.c","token_type":"Bearer","expires_in":900}`
)

// TestViolationsAreSeen takes correct exchanges and changes one thing in each.
func TestViolationsAreSeen(t *testing.T) {
	t.Parallel()
	type row struct {
		method, path, mediaType, sent string
		status                        int
		header                        http.Header
		body                          string
		want                          string // empty: no violation
	}
	for name, r := range map[string]row{
		"a good answer":                      {"GET", session, "", "", 200, plain("Content-Type", jsonType), status, ""},
		"a status that is not there":         {"GET", session, "", "", 418, plain(), "", "status 418 is not there"},
		"a header that is not there":         {"GET", session, "", "", 200, plain("Content-Type", jsonType, "X-Powered-By", "x"), status, "header X-Powered-By is not there"},
		"a header that is missing":           {"GET", session, "", "", 200, http.Header{"Content-Type": {jsonType}, "X-Content-Type-Options": {"nosniff"}}, status, "Cache-Control"},
		"a header with another value":        {"GET", session, "", "", 200, plain("Content-Type", jsonType, "Cache-Control", "public"), status, "no-store"},
		"a member that is not there":         {"GET", session, "", "", 200, plain("Content-Type", jsonType), `{"status":"pending","expires_in":9,"nin":"x"}`, "nin"},
		"a member that is missing":           {"GET", session, "", "", 200, plain("Content-Type", jsonType), `{"status":"pending"}`, "expires_in"},
		"a value that is not there":          {"GET", session, "", "", 200, plain("Content-Type", jsonType), `{"status":"lost","expires_in":9}`, "status"},
		"another media type":                 {"GET", session, "", "", 200, plain("Content-Type", "text/plain"), status, "text/plain"},
		"a body where there is none":         {"GET", "/itsme/health/live", "", "", 200, plain("Content-Type", "text/plain"), "ok", "text/plain"},
		"no body":                            {"GET", "/itsme/health/live", "", "", 200, plain(), "", ""},
		"a good request":                     {"POST", "/itsme/token", formType, finish, 200, plain("Content-Type", jsonType), tokens, ""},
		"a request with more than is known":  {"POST", "/itsme/token", formType, finish + "&scope=x", 200, plain("Content-Type", jsonType), tokens, ""},
		"a bad request that is served":       {"POST", "/itsme/token", formType, "code=c&state=s&code_verifier=" + verifier, 200, plain("Content-Type", jsonType), tokens, "not allowed, but is answered with 200"},
		"a wrong type that is served":        {"POST", "/itsme/sessions", jsonType, `{"code_challenge":5}`, 201, plain("Content-Type", jsonType), "{}", "not allowed, but is answered with 201"},
		"a bad query that is served":         {"GET", session + "?wait=soon", "", "", 200, plain("Content-Type", jsonType), status, "not allowed, but is answered with 200"},
		"another media type that is served":  {"POST", "/itsme/sessions", "text/plain", "x", 201, plain("Content-Type", jsonType), "{}", "not allowed, but is answered with 201"},
		"a bad request that is refused":      {"GET", "/itsme/token", "", "", 405, plain("Content-Type", jsonType, "Allow", "POST"), `{"error":"invalid_request","error_description":"x"}`, ""},
		"a path that is not there":           {"GET", "/itsme/nosuch", "", "", 404, plain("Content-Type", problem), notFound, ""},
		"a path that is served all the same": {"GET", "/itsme/nosuch", "", "", 200, plain(), "", "path is not there"},
		"a method that is not there":         {"PUT", session, "", "", 405, plain("Content-Type", problem, "Allow", "GET, HEAD"), noMethod, ""},
		"a method that is served":            {"PUT", session, "", "", 200, plain("Content-Type", jsonType), status, "method is not there"},
		"a refusal without Allow":            {"PUT", session, "", "", 405, plain("Content-Type", problem), noMethod, "Allow"},
		"a refusal that allows others":       {"PUT", session, "", "", 405, plain("Content-Type", problem, "Allow", "GET, POST"), noMethod, "are allowed"},
		"HEAD":                               {"HEAD", session, "", "", 200, plain("Content-Type", jsonType), "", ""},
		"HEAD with another header":           {"HEAD", session, "", "", 200, plain("Content-Type", jsonType, "X-Powered-By", "x"), "", "X-Powered-By"},
		"the upstream's own answer":          {"GET", "/account", "", "", 418, http.Header{"X-Powered-By": {"x"}}, "x", ""},
		"a site's refusal":                   {"GET", "/account", "", "", 401, plain("Content-Type", problem, "WWW-Authenticate", "Bearer"), required, ""},
		"a site's refusal without a scheme":  {"GET", "/account", "", "", 401, plain("Content-Type", problem), required, "WWW-Authenticate"},
		"a problem of another status":        {"GET", "/account", "", "", 403, plain("Content-Type", problem), required, "403"},
		"a path below verify":                {"POST", "/itsme/verify/any", "", "", 404, plain("Content-Type", problem), notFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequest(r.method, r.path, http.NoBody)
			if r.mediaType != "" {
				request.Header.Set("Content-Type", r.mediaType)
			}
			found := published.violations(Exchange{Request: request, Sent: r.sent, Status: r.status, Header: r.header, Body: r.body})
			all := strings.Join(found, "\n")
			if (all == "") != (r.want == "") || !strings.Contains(all, r.want) {
				t.Errorf("found %q, want %q", all, r.want)
			}
		})
	}
}
