package attack_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
)

// allAnswers asks every endpoint and page in every way that it can answer, with more header lines.
func (e *env) allAnswers(t *testing.T, host string, lines ...string) map[string]rawhttptest.Answer {
	t.Helper()
	answers := map[string]rawhttptest.Answer{}
	get := func(target string, more ...string) {
		request := head(http.MethodGet, target, host, append(more, lines...)...) + "\r\n"
		answers[fmt.Sprintf("GET %s %q", target, more)] = e.send(request)
	}
	post := func(path, mediaType, body string, more ...string) {
		request := head(http.MethodPost, "/itsme"+path, host, append(more, lines...)...)
		request += fmt.Sprintf("Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s", mediaType, len(body), body)
		answers["POST "+path+" "+mediaType+" "+body] = e.send(request)
	}
	for _, document := range []string{"jwks.json", "oauth-authorization-server", "openid-configuration", "oauth-protected-resource", "apple-app-site-association", "assetlinks.json"} {
		get("/.well-known/" + document)
	}
	get("/")
	get("/", navigation)
	get("/", "Authorization: Bearer x\r\n")
	get("/", "Authorization: Bearer x\r\nAuthorization: Bearer y\r\n")
	get("/", "Cookie: "+sessionCookie+"=x\r\n", navigation)
	for _, endpoint := range endpoints {
		get("/itsme" + endpoint.path)
		post(endpoint.path, formType, "x=y", fromOwnPage)
		post(endpoint.path, jsonType, "{}")
	}
	get("/itsme/unknown")
	get("/itsme/callback?error=access_denied&state=s")
	post("/login", formType, "return_to=/x", fromOwnPage)
	post("/login", formType, "return_to=/x", fromOwnPage+"Accept: application/json\r\n")
	post("/logout", formType, "")
	post("/sessions", jsonType, `{"code_challenge":"`+someSession+`"}`)
	post("/token", formType, "grant_type=authorization_code&code=c&state=s&code_verifier=v")
	return answers
}

// TestNothingIsBuiltFromTheHost has an attacker name their own host wherever a server looks for its name. A
// link, redirect URL or issuer made from it would send users, codes or tokens to the attacker, directly or
// from a cache.
func TestNothingIsBuiltFromTheHost(t *testing.T) {
	e := newAppEnv(t, pathSites)
	const evil, port = "evil.example", "54321"
	lines := []string{
		"X-Forwarded-Host: evil.example\r\n", "X-Forwarded-Proto: evil.example\r\n", "X-Forwarded-Port: " + port + "\r\n", "X-Forwarded-Prefix: /evil.example\r\n",
		"X-Forwarded-For: evil.example\r\n", "X-Forwarded-Server: evil.example\r\n", "X-Host: evil.example\r\n", "X-HTTP-Host-Override: evil.example\r\n",
		"X-Original-Host: evil.example\r\n", "X-Original-URL: //evil.example\r\n", "X-Rewrite-URL: //evil.example\r\n", "X-Forwarded-Uri: //evil.example\r\n",
		"Forwarded: host=evil.example;proto=evil.example\r\n", "Referer: https://evil.example/\r\n", "X-Wap-Profile: https://evil.example/\r\n", "Via: 1.1 evil.example\r\n",
	}
	for _, host := range []string{evil, evil + ":" + port, appHost, appHost + ":" + port, appHost + "."} {
		for request, answer := range e.allAnswers(t, host, lines...) {
			if strings.Contains(answer.Raw, evil) || strings.Contains(answer.Raw, port) {
				t.Errorf("%s at %s: %s", request, host, answer.Raw)
			}
		}
	}
	absolute := e.send(head(http.MethodGet, "http://evil.example/itsme/login", appHost, navigation) + "\r\n")
	if strings.Contains(absolute.Raw, evil) {
		t.Errorf("a full URL as the target: %s", absolute.Raw)
	}
	for _, call := range e.Signicat.Calls() {
		if strings.Contains(fmt.Sprintf("%+v", call), evil) {
			t.Errorf("Signicat got the host: %+v", call)
		}
	}
}

// marker is a text that no answer may repeat.
const marker = "r3flect3d"

// TestErrorsReflectNothing has an attacker put a text into every place of a request that an answer could
// repeat. There it would be a script, a line of a phishing page, or a secret on a user's screenshot.
func TestErrorsReflectNothing(t *testing.T) {
	e := newAppEnv(t, pathSites)
	evil := `//` + marker + `"'><script>alert(1)</script>`
	encoded := url.QueryEscape(evil)
	for name, answer := range e.allAnswers(t, appHost, "Accept-Language: "+marker+"\r\n", "User-Agent: "+evil+"\r\n", "Cookie: "+sessionCookie+"-l-"+marker+"="+marker+"\r\n", "If-None-Match: "+marker+"\r\n") {
		checkSilent(t, name, answer)
	}
	names := []string{
		"return_to", "language", "acr_values", "max_age", "code", "state", "error", "error_description", "grant_type", "code_verifier",
		"client_id", "redirect_uri", "token", "token_type_hint", "refresh_token", "wait", marker,
	}
	for _, endpoint := range endpoints {
		for _, name := range names {
			query := "?" + name + "=" + encoded
			checkSilent(t, "GET "+endpoint.path+query, e.ask(http.MethodGet, "/itsme"+endpoint.path+query))
			checkSilent(t, "GET twice "+endpoint.path+query, e.ask(http.MethodGet, "/itsme"+endpoint.path+query+"&"+name+"="+marker))
			checkSilent(t, "POST "+endpoint.path+query, e.post(endpoint.path+query, formType, name+"="+encoded+"&"+name+"="+encoded, fromOwnPage))
			form := "grant_type=authorization_code&code=c&state=s&code_verifier=v&" + name + "=" + encoded
			checkSilent(t, "form "+endpoint.path+query, e.post(endpoint.path, formType, form, fromOwnPage))
		}
		for _, member := range []string{"code_challenge", "code_challenge_method", "redirect_uri", "language", "acr_values", "max_age", "code_verifier", "error", marker} {
			for _, value := range []string{`"` + marker + `"`, `{"` + marker + `":1}`, `["` + marker + `"]`, `5, "` + marker + `"`} {
				body := `{"code_challenge":"` + someSession + `","` + member + `":` + value + `}`
				checkSilent(t, "JSON "+endpoint.path+body, e.post(endpoint.path, jsonType, body))
			}
		}
		path := "/itsme" + endpoint.path + "/" + marker
		checkSilent(t, path, e.ask(http.MethodGet, path))
		checkSilent(t, "method "+endpoint.path, e.ask(marker, "/itsme"+endpoint.path))
		checkSilent(t, "type "+endpoint.path, e.post(endpoint.path, "text/"+marker, marker))
	}
	for _, line := range []string{"Authorization: Bearer " + marker, "Authorization: " + marker, "Cookie: " + sessionCookie + "=" + marker, "Origin: https://" + marker, "Content-Type: " + marker} {
		checkSilent(t, line, e.ask(http.MethodPost, "/"+marker+"?"+marker, line+"\r\n"))
		checkSilent(t, line, e.ask(http.MethodPost, "/itsme/userinfo", line+"\r\n"))
	}
}

func checkSilent(t *testing.T, request string, answer rawhttptest.Answer) {
	t.Helper()
	if answer.Status == 0 || strings.Contains(strings.ToLower(answer.Raw), marker) {
		t.Errorf("%s: %s", request, answer.Raw)
	}
}
