package caddymodule_test

import (
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
)

// severalSites are the sites of a server as JSON. Each row of the test puts its handler at one of the
// places, and itsme at the others.
const severalSites = `{"apps":{
	"itsme":{"gateways":{"default":{"public_url":"https://app.example.be","attributes":["name"],"signicat":{"client_id":"x","client_secret":"y"}}}},
	"http":{"servers":{"s":{"listen":["127.0.0.1:8080"],"automatic_https":{"disable":true},
		"named_routes":{"named":{"handle":[NAMED]}},
		"errors":{"routes":[{"match":[{"host":["failing.example.be"]}],"handle":[ERRORS]}]},
		"routes":[
			{"match":[{"host":["first.example.be"]}],"handle":[{"handler":"itsme"}]},
			{"match":[{"host":["app.example.be","www.example.be"]}],"handle":[{"handler":"subroute","routes":[
				{"handle":[{"handler":"headers"},{"handler":"itsme"}]},
				{"match":[{"path":["/api/*"]}],"handle":[{"handler":"subroute",
					"routes":[{"handle":[{"handler":"headers"},INNER]}],
					"errors":{"routes":[{"match":[{"path":["/x"]}],"handle":[INNERERRORS]}]}}]}]}]},
			{"handle":[LAST]}]}}}}}`

// TestErrorsOfASiteNameItsHosts has one wrong handler among right ones. The error names its site, so that an
// operator with many sites finds it.
func TestErrorsOfASiteNameItsHosts(t *testing.T) {
	places := []string{"NAMED", "INNERERRORS", "INNER", "ERRORS", "LAST"}
	for _, row := range []struct{ name, place, handler, want string }{
		{"in a route of a site", "INNER", `"use":"partners"`, `site app.example.be www.example.be /api/*: use: no gateway is named "partners"; use one of: default`},
		{"in its error routes", "INNERERRORS", `"use":"partners"`, `site app.example.be www.example.be /api/* /x: use: no gateway is named "partners"`},
		{"in the server's error routes", "ERRORS", `"public":["/a*b"]`, `site failing.example.be: public: "/a*b" is not a plain path; use an exact path like /health or a prefix like /assets/*`},
		{"for every host", "LAST", `"require":{"loa":"highest"}`, `site 127.0.0.1:8080: require loa: "highest" is not a level of assurance; use low, substantial or high`},
		{"in a named route", "NAMED", `"mode":"strict"`, `site 127.0.0.1:8080: mode: "strict" is unknown; use auto, api or browser`},
		{"a header's name", "INNER", `"header":[{"name":"Cookie","claim":"sub"}]`, `site app.example.be www.example.be /api/*: header: "Cookie" has a meaning of its own in HTTP; choose a name like X-User-Id`},
		{"a header that is the gateway's", "INNER", `"header":[{"name":"X-Itsme-Subject","claim":"sub"}]`, `header: "X-Itsme-Subject" begins with X-Itsme-, which is the gateway's own; choose a name like X-User-Id`},
		{"a header's claim", "INNER", `"header":[{"name":"X-A","claim":"shoe_size"}]`, `site app.example.be www.example.be /api/*: header: no token has the claim "shoe_size"; use one of sub acr auth_time jti iss client_id idp name`},
		{"a matcher", "LAST", `"match":[{"path_regexp":{"pattern":"("}}]`, `site 127.0.0.1:8080: match: `},
		{"a provider of Caddy's own handler", "INNER", `"use":"partners"`, `site app.example.be www.example.be /api/*: use: no gateway is named "partners"`},
		{"browser logins on another host", "ERRORS", `"mode":"browser"`, `site failing.example.be: mode browser: browsers can log in only on the host of public_url (https://app.example.be); let this site answer for that host, or use mode auto or mode api`},
		{"browser logins on the right host", "INNER", `"mode":"browser"`, ""},
		{"browser logins on every host", "LAST", `"mode":"browser"`, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			config := severalSites
			for _, place := range places {
				handler := `{"handler":"itsme"}`
				if place == row.place {
					handler = `{"handler":"itsme",` + row.handler + `}`
					if strings.HasPrefix(row.name, "a provider") {
						handler = `{"handler":"authentication","providers":{"itsme":{` + row.handler + `}}}`
					}
				}
				config = strings.Replace(config, "["+place+"]", "["+handler+"]", 1)
				config = strings.Replace(config, ","+place+"]", ","+handler+"]", 1)
			}
			if row.want != "" {
				checkInvalid(t, []byte(config), row.want)
				return
			}
			if err := caddytest.Validate([]byte(config), t.TempDir()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestErrorOfAGatewayNamesNoSite: Caddy loads the app when it provisions the first site, or before. The site is right,
// and would lead the operator astray.
func TestErrorOfAGatewayNamesNoSite(t *testing.T) {
	config := strings.NewReplacer("NAMED", `{"handler":"itsme"}`, "INNERERRORS", `{"handler":"itsme"}`, "ERRORS", `{"handler":"itsme"}`, "LAST", `{"handler":"itsme"}`, ",INNER", "").Replace(severalSites)
	config = strings.Replace(config, `"attributes":["name"]`, `"attributes":["shoeSize"]`, 1)
	for range 16 { // Caddy loads apps in random order
		err := caddytest.Validate([]byte(config), t.TempDir())
		checkError(t, err, `gateway default: attributes: Signicat has no itsme attribute "shoeSize"`)
		if strings.Contains(err.Error(), "site ") {
			t.Fatalf("it names a site: %v", err)
		}
	}
}
