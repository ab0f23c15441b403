package caddymodule_test

import (
	"encoding/json"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
)

const (
	openUpstream = "requests reach an upstream that no itsme stands in front of"
	notReached   = "the gateway cannot be reached here"
)

// coverageRows are sites, and where the log warns of what.
var coverageRows = []struct {
	name  string
	sites string
	want  []string
}{
	{"itsme at site level", `SITE {
		itsme
		reverse_proxy /api/* 127.0.0.1:9
		handle /more/* {
			reverse_proxy 127.0.0.1:9
		}
	}`, nil},
	{"itsme with a matcher, which is the handler's own", `SITE {
		itsme /private/*
		reverse_proxy 127.0.0.1:9
	}`, nil},
	{"itsme in one part of a site", `SITE {
		handle /api/* {
			itsme
			reverse_proxy 127.0.0.1:9
		}
		handle {
			reverse_proxy 127.0.0.1:9
		}
	}`, []string{"127.0.0.1: " + openUpstream, "URL/itsme/token: " + notReached}},
	{"itsme behind a matcher of a route", `SITE {
		route /api/* {
			itsme
		}
		reverse_proxy /other/* 127.0.0.1:9
	}`, []string{"127.0.0.1 /other/*: " + openUpstream, "URL/itsme/token: " + notReached}},
	{"itsme after the upstream", `SITE {
		route {
			reverse_proxy /early/* 127.0.0.1:9
			itsme
			reverse_proxy 127.0.0.1:9
		}
	}`, []string{"127.0.0.1 /early/*: " + openUpstream}},
	{"the own endpoints apart", `SITE {
		handle /itsme/* {
			itsme
		}
		handle {
			itsme
			respond ok
		}
	}`, nil},
	{"the keys left out", `SITE {
		handle /itsme/* {
			itsme
		}
		respond ok
	}`, []string{"URL/.well-known/jwks.json: " + notReached}},
	{"the own endpoints excluded", `SITE {
		@rest not path /itsme/*
		handle @rest {
			itsme
			respond ok
		}
	}`, []string{"URL/itsme/token: " + notReached}},
	{"everything but something else excluded", `SITE {
		@rest not path /assets/*
		handle @rest {
			itsme
			respond ok
		}
	}`, nil},
	{"PHP", `SITE {
		itsme /private/*
		respond ok
	}
	http://other.example:PORT {
		php_fastcgi 127.0.0.1:9
	}`, []string{"other.example *.php: " + openUpstream}},
	{"another host", `SITE {
		respond ok
	}
	http://other.example:PORT {
		itsme
		respond ok
	}`, []string{"URL/itsme/token: " + notReached}},
	{"an error page from an upstream", `SITE {
		itsme
		respond ok
		handle_errors {
			reverse_proxy 127.0.0.1:9
		}
	}`, []string{"127.0.0.1: " + openUpstream}},
	{"an error page from an upstream, covered", `SITE {
		itsme
		respond ok
		handle_errors {
			itsme
			reverse_proxy 127.0.0.1:9
		}
	}`, nil},
	{"forward_auth, which is no upstream", `SITE {
		forward_auth 127.0.0.1:9 {
			uri /auth
		}
		itsme
		reverse_proxy 127.0.0.1:9
	}`, nil},
	{"named routes", `&(upstream) {
		reverse_proxy 127.0.0.1:9
	}
	&(guarded) {
		itsme
	}
	SITE {
		route {
			invoke /early/* upstream
			invoke guarded
			invoke upstream
		}
	}`, []string{"127.0.0.1 /early/*: " + openUpstream}},
	{"no itsme anywhere", `SITE {
		reverse_proxy 127.0.0.1:9
	}`, nil},
	{"browser logins on the right host", `SITE {
		itsme {
			mode browser
		}
		respond ok
	}`, nil},
}

// TestStartWarnsOfWaysAroundItsme loads sites of which some leave a way to the upstream, or none
// to the gateway.
func TestStartWarnsOfWaysAroundItsme(t *testing.T) {
	s := caddytest.Run(t, "http://{{addr}} {\n\trespond ok\n}")
	for _, row := range coverageRows {
		t.Run(row.name, func(t *testing.T) {
			before := len(s.Log())
			if err := s.Reload(coverageConfig(t, s, row.sites)); err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, warning := range row.want {
				want = append(want, strings.ReplaceAll(warning, "URL", s.URL))
			}
			if diff := cmp.Diff(want, warnings(t, s.Log()[before:])); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func coverageConfig(t *testing.T, s *caddytest.Server, sites string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	return `{
		itsme {
			public_url ` + s.URL + `
			signicat {
				client_id     sandbox-healthy-hat-239
				client_secret "the secret"
				api_url       http://127.0.0.1:1
			}
			attributes name
		}
	}
	` + strings.NewReplacer("SITE", s.URL, "PORT", port).Replace(sites)
}

// TestErrorRoutesReachNoEndpoint has itsme before a part of a site, and else where only an error
// leads: in the error routes of a subroute, which a Caddyfile does not write.
func TestErrorRoutesReachNoEndpoint(t *testing.T) {
	s := caddytest.RunJSON(t, `{"apps":{
		"itsme":{"gateways":{"default":{"public_url":"http://{{addr}}","attributes":["name"],
			"signicat":{"client_id":"x","client_secret":"y","api_url":"http://127.0.0.1:1"}}}},
		"http":{"servers":{"s":{"listen":["{{addr}}"],"automatic_https":{"disable":true},"routes":[
			{"match":[{"path":["/api/*"]}],"handle":[{"handler":"itsme"}]},
			{"handle":[{"handler":"subroute",
			"routes":[{"handle":[{"handler":"static_response","body":"ok"}]}],
			"errors":{"routes":[{"handle":[{"handler":"itsme"}]}]}}]}]}}}}}`)
	want := []string{s.URL + "/itsme/token: " + notReached}
	if diff := cmp.Diff(want, warnings(t, s.Log())); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// warnings are where and what, up to the comma or colon.
func warnings(t *testing.T, log string) (found []string) {
	t.Helper()
	for line := range strings.Lines(log) {
		var entry struct{ Level, Problem, Where string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if entry.Level == "warn" && entry.Where != "" {
			found = append(found, entry.Where+": "+entry.Problem[:strings.IndexAny(entry.Problem, ",:")])
		}
	}
	return found
}

// TestBrowserModeElsewhereIsAnError loads a site that would send browsers to a login page on a host
// that has none of their cookies.
func TestBrowserModeElsewhereIsAnError(t *testing.T) {
	s := caddytest.Run(t, "http://{{addr}} {\n\trespond ok\n}")
	err := s.Reload(coverageConfig(t, s, `SITE {
		itsme
		respond ok
	}
	http://other.example:PORT {
		itsme {
			mode browser
		}
		respond ok
	}`))
	if err == nil || !strings.Contains(err.Error(), "site other.example: mode browser: ") || !strings.Contains(err.Error(), s.URL) {
		t.Errorf("got %v", err)
	}
}
