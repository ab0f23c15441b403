package attack_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
)

// everything asks every endpoint and page of a fort, each in the ways that it can answer, with
// more header lines.
func (f *fort) everything(t *testing.T, host string, lines ...string) map[string]rawhttptest.Answer {
	t.Helper()
	answers := map[string]rawhttptest.Answer{}
	get := func(target string, more ...string) {
		request := head(http.MethodGet, target, host, append(more, lines...)...) + "\r\n"
		answers[fmt.Sprintf("GET %s %q", target, more)] = f.send(request)
	}
	post := func(path, mediaType, body string, more ...string) {
		request := head(http.MethodPost, "/itsme"+path, host, append(more, lines...)...)
		request += fmt.Sprintf("Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s", mediaType, len(body), body)
		answers["POST "+path+" "+mediaType+" "+body] = f.send(request)
	}
	for _, document := range []string{"jwks.json", "oauth-authorization-server", "openid-configuration", "oauth-protected-resource", "apple-app-site-association", "assetlinks.json"} {
		get("/.well-known/" + document)
	}
	get("/")
	get("/", navigation)
	get("/", "Authorization: Bearer x\r\n")
	get("/", "Authorization: Bearer x\r\nAuthorization: Bearer y\r\n")
	get("/", "Cookie: "+sessionCookie+"=x\r\n", navigation)
	for _, e := range endpoints {
		get("/itsme" + e.path)
		post(e.path, formType, "x=y", fromOwnPage)
		post(e.path, jsonType, "{}")
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

// TestNothingIsBuiltFromTheHost names the attacker's host wherever a server looks for its own
// name. A link, a redirect URL or an issuer made from it would send people, codes or tokens there,
// straight or out of a cache.
func TestNothingIsBuiltFromTheHost(t *testing.T) {
	f := build(t, pathSites)
	const evil = "evil.example"
	lines := []string{
		"X-Forwarded-Host: evil.example\r\n", "X-Forwarded-Proto: evil.example\r\n", "X-Forwarded-Port: 666\r\n", "X-Forwarded-Prefix: /evil.example\r\n",
		"X-Forwarded-For: evil.example\r\n", "X-Forwarded-Server: evil.example\r\n", "X-Host: evil.example\r\n", "X-HTTP-Host-Override: evil.example\r\n",
		"X-Original-Host: evil.example\r\n", "X-Original-URL: //evil.example\r\n", "X-Rewrite-URL: //evil.example\r\n", "X-Forwarded-Uri: //evil.example\r\n",
		"Forwarded: host=evil.example;proto=evil.example\r\n", "Referer: https://evil.example/\r\n", "X-Wap-Profile: https://evil.example/\r\n", "Via: 1.1 evil.example\r\n",
	}
	for _, host := range []string{evil, evil + ":666", fortHost, fortHost + ":666", fortHost + "."} {
		for request, answer := range f.everything(t, host, lines...) {
			if strings.Contains(answer.Raw, evil) || strings.Contains(answer.Raw, "666") {
				t.Errorf("%s at %s: %s", request, host, answer.Raw)
			}
		}
	}
	absolute := f.send(head(http.MethodGet, "http://evil.example/itsme/login", fortHost, navigation) + "\r\n")
	if strings.Contains(absolute.Raw, evil) {
		t.Errorf("a whole URL as the target: %s", absolute.Raw)
	}
	for _, call := range f.signicat.Calls() {
		if strings.Contains(fmt.Sprintf("%+v", call), evil) {
			t.Errorf("Signicat was told of it: %+v", call)
		}
	}
}

// marker is a text that no answer may repeat.
const marker = "r3flect3d"

// TestErrorsReflectNothing sends a text in every place of a request that an answer could repeat,
// where it would be a script, a line of a phisher's, or a secret in somebody's screenshot.
func TestErrorsReflectNothing(t *testing.T) {
	f := build(t, pathSites)
	evil := `//` + marker + `"'><script>alert(1)</script>`
	encoded := url.QueryEscape(evil)
	for name, answer := range f.everything(t, fortHost, "Accept-Language: "+marker+"\r\n", "User-Agent: "+evil+"\r\n", "Cookie: "+sessionCookie+"-l-"+marker+"="+marker+"\r\n", "If-None-Match: "+marker+"\r\n") {
		checkSilent(t, name, answer)
	}
	names := []string{
		"return_to", "language", "acr_values", "max_age", "code", "state", "error", "error_description", "grant_type", "code_verifier",
		"client_id", "redirect_uri", "token", "token_type_hint", "refresh_token", "wait", marker,
	}
	for _, e := range endpoints {
		for _, name := range names {
			query := "?" + name + "=" + encoded
			checkSilent(t, "GET "+e.path+query, f.ask(http.MethodGet, "/itsme"+e.path+query))
			checkSilent(t, "GET twice "+e.path+query, f.ask(http.MethodGet, "/itsme"+e.path+query+"&"+name+"="+marker))
			checkSilent(t, "POST "+e.path+query, f.post(e.path+query, formType, name+"="+encoded+"&"+name+"="+encoded, fromOwnPage))
			form := "grant_type=authorization_code&code=c&state=s&code_verifier=v&" + name + "=" + encoded
			checkSilent(t, "form "+e.path+query, f.post(e.path, formType, form, fromOwnPage))
		}
		for _, member := range []string{"code_challenge", "code_challenge_method", "redirect_uri", "language", "acr_values", "max_age", "code_verifier", "error", marker} {
			for _, value := range []string{`"` + marker + `"`, `{"` + marker + `":1}`, `["` + marker + `"]`, `5, "` + marker + `"`} {
				body := `{"code_challenge":"` + someSession + `","` + member + `":` + value + `}`
				checkSilent(t, "JSON "+e.path+body, f.post(e.path, jsonType, body))
			}
		}
		path := "/itsme" + e.path + "/" + marker
		checkSilent(t, path, f.ask(http.MethodGet, path))
		checkSilent(t, "method "+e.path, f.ask(marker, "/itsme"+e.path))
		checkSilent(t, "type "+e.path, f.post(e.path, "text/"+marker, marker))
	}
	for _, line := range []string{"Authorization: Bearer " + marker, "Authorization: " + marker, "Cookie: " + sessionCookie + "=" + marker, "Origin: https://" + marker, "Content-Type: " + marker} {
		checkSilent(t, line, f.ask(http.MethodPost, "/"+marker+"?"+marker, line+"\r\n"))
		checkSilent(t, line, f.ask(http.MethodPost, "/itsme/userinfo", line+"\r\n"))
	}
}

func checkSilent(t *testing.T, request string, answer rawhttptest.Answer) {
	t.Helper()
	if answer.Status == 0 || strings.Contains(strings.ToLower(answer.Raw), marker) {
		t.Errorf("%s: %s", request, answer.Raw)
	}
}
