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
	openUpstream = "reverse_proxy to 127.0.0.1:9 is reachable without itsme"
	notReached   = "no request for it reaches the gateway, because every itsme is inside a route that it does not match"
)

// coverageRows are sites, and what the log warns of: the finding, and the line up to the remedy.
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
		handle {
			file_server
		}
	}`, nil},
	{"itsme with a matcher, which is the handler's own", `SITE {
		@in path /private /private/*
		itsme @in
		reverse_proxy 127.0.0.1:9
	}`, nil},
	{"itsme in one part of a site", `SITE {
		handle /api/* {
			itsme
			reverse_proxy 127.0.0.1:9
		}
		handle {
			reverse_proxy 127.0.0.1:9 127.0.0.1:10
		}
	}`, []string{"upstream_uncovered site 127.0.0.1: reverse_proxy to 127.0.0.1:9 127.0.0.1:10 is reachable without itsme", "endpoints_unreachable site URL/itsme/token: " + notReached}},
	{"itsme behind a matcher of a route", `SITE {
		route /api/* {
			itsme
		}
		reverse_proxy /other/* 127.0.0.1:9
	}`, []string{"upstream_uncovered site 127.0.0.1 /other/*: " + openUpstream, "endpoints_unreachable site URL/itsme/token: " + notReached}},
	{"itsme after the upstream", `SITE {
		route {
			reverse_proxy /early/* 127.0.0.1:9
			itsme
			reverse_proxy 127.0.0.1:9
		}
	}`, []string{"itsme_too_late site 127.0.0.1 /early/*: reverse_proxy to 127.0.0.1:9 answers before itsme"}},
	{"order itsme last", `SITE {
		itsme
		file_server /files/*
		reverse_proxy 127.0.0.1:9
	}`, []string{
		"itsme_too_late site 127.0.0.1: reverse_proxy to 127.0.0.1:9 answers before itsme",
		"itsme_too_late site 127.0.0.1 /files/*: file_server answers before itsme",
	}},
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
		respond 404
	}`, []string{"endpoints_unreachable site URL/.well-known/jwks.json: " + notReached}},
	{"the own endpoints excluded", `SITE {
		@rest not path /itsme/*
		handle @rest {
			itsme
			respond ok
		}
	}`, []string{"endpoints_unreachable site URL/itsme/token: " + notReached}},
	{"everything but something else excluded", `SITE {
		@rest not path /assets/*
		handle @rest {
			itsme
			respond ok
		}
	}`, nil},
	{"PHP on another site", `SITE {
		itsme
		respond ok
	}
	http://other.example:PORT {
		php_fastcgi 127.0.0.1:9
	}`, []string{"upstream_uncovered site other.example *.php: php_fastcgi to 127.0.0.1:9 is reachable without itsme"}},
	{"another host", `SITE {
		respond ok
	}
	http://other.example:PORT {
		itsme
		respond ok
	}`, []string{"endpoints_unreachable site URL/itsme/token: " + notReached}},
	{"an error page from an upstream", `SITE {
		itsme
		respond ok
		handle_errors {
			reverse_proxy 127.0.0.1:9
		}
	}`, []string{"errors_uncovered site 127.0.0.1: reverse_proxy to 127.0.0.1:9 in handle_errors is reachable without itsme"}},
	{"an error page from an upstream, covered", `SITE {
		itsme
		respond ok
		handle_errors {
			itsme {
				optional
			}
			reverse_proxy 127.0.0.1:9
		}
	}`, nil},
	{"error pages of files and of text", `SITE {
		itsme
		respond ok
		handle_errors 404 {
			rewrite * /404.html
			file_server
		}
		handle_errors {
			respond "{err.status_code}"
		}
	}`, nil},
	{"files in the place of error pages", `SITE {
		itsme
		respond ok
		handle_errors {
			file_server
		}
	}`, []string{"content_uncovered site 127.0.0.1: file_server in handle_errors is reachable without itsme, and serves more than an error page"}},
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
	}`, []string{"itsme_too_late site 127.0.0.1 /early/*: reverse_proxy to 127.0.0.1:9 answers before itsme"}},
	{"no itsme anywhere", `SITE {
		reverse_proxy 127.0.0.1:9
	}`, nil},
	{"browser logins on the right host", `SITE {
		itsme {
			mode browser
		}
		respond ok
	}`, nil},

	{"files and responses beside itsme", `SITE {
		handle /itsme/* {
			itsme
		}
		handle /.well-known/* {
			itsme
		}
		handle /api/* {
			itsme
			reverse_proxy 127.0.0.1:9
		}
		handle /files/* {
			root * /srv
			file_server
		}
		respond /a/* ok
		respond /b ok
		respond /forbidden/* no 403
		handle /health {
			respond ok
		}
		handle /php/* {
			php_fastcgi 127.0.0.1:9
		}
		redir /old/* /new
		redir /page/* /new html
	}`, []string{
		"content_uncovered site 127.0.0.1 /files/*: file_server is reachable without itsme",
		"upstream_uncovered site 127.0.0.1 /php/* *.php: php_fastcgi to 127.0.0.1:9 is reachable without itsme",
		"content_uncovered site 127.0.0.1 /a/*: respond is reachable without itsme",
	}},
	{"files of a site without itsme", `SITE {
		itsme
		respond ok
	}
	http://other.example:PORT {
		file_server
	}`, nil},

	{"a matcher without the folder itself", `SITE {
		itsme /private/*
		reverse_proxy 127.0.0.1:9
	}`, []string{"matcher_half site 127.0.0.1: itsme matches /private/* and not /private"}},
	{"a matcher without what is below the folder", `SITE {
		itsme /private
		reverse_proxy 127.0.0.1:9
	}`, []string{"matcher_half site 127.0.0.1: itsme matches /private and not /private/*"}},
	{"several matchers", `SITE {
		@in {
			path /a /a/* /b/* /c /file.pdf /d* /e/ *.json /f/*/g /x* /x/y
			method POST
		}
		itsme @in
		reverse_proxy 127.0.0.1:9
	}`, []string{"matcher_half site 127.0.0.1: itsme matches /b/* and not /b", "matcher_half site 127.0.0.1: itsme matches /c and not /c/*"}},
	{"a negated matcher", `SITE {
		@in not path /assets/*
		itsme @in
		reverse_proxy 127.0.0.1:9
	}`, nil},

	{"a matcher beside handle_path", `SITE {
		@in path /private /private/*
		itsme @in
		handle_path /x/* {
			reverse_proxy 127.0.0.1:9
		}
	}`, []string{"matcher_rewritten site 127.0.0.1: itsme has a matcher of paths, and the site rewrites paths"}},
	{"a matcher behind try_files", `SITE {
		@in path_regexp ^/private
		itsme @in
		try_files {path} /index.html
		file_server
	}`, []string{"matcher_rewritten site 127.0.0.1: itsme has a matcher of paths, and the site rewrites paths"}},
	{"a matcher in front of PHP", `SITE {
		@in not path /assets /assets/*
		itsme @in
		php_fastcgi 127.0.0.1:9
	}`, []string{"matcher_rewritten site 127.0.0.1: itsme has a matcher of paths, and the site has a fastcgi transport"}},
	{"a matcher in front of a proxy that rewrites", `SITE {
		@in expression ` + "`path('/private*')`" + `
		itsme @in
		reverse_proxy 127.0.0.1:9 {
			rewrite /x{uri}
		}
	}`, []string{"matcher_rewritten site 127.0.0.1: itsme has a matcher of paths, and its reverse_proxy rewrites paths"}},
	{"rewrites that no matcher is about", `SITE {
		@in method POST
		itsme @in
		uri strip_prefix /x
		reverse_proxy 127.0.0.1:9
		handle_errors {
			rewrite * /{err.status_code}.html
			file_server
		}
	}
	http://other.example:PORT {
		@in path /x /x/*
		itsme @in
		method GET
		uri query -a
		reverse_proxy 127.0.0.1:9
	}
	http://third.example:PORT {
		itsme
		rewrite * /x
		php_fastcgi 127.0.0.1:9
	}`, nil},

	{"public paths of a stripped route", `SITE {
		itsme
		handle_path /app/* {
			itsme {
				public /assets/* /app/health /app/*
			}
			reverse_proxy 127.0.0.1:9
		}
	}`, []string{
		"public_without_effect site 127.0.0.1 /app/*: public /assets/* lists no path of this route",
		"public_without_effect site 127.0.0.1 /app/*: public /app/* lists no path of this route",
	}},
	{"public paths of a stripped route, in both spellings", `SITE {
		itsme
		handle_path /app/* {
			itsme {
				public /assets/* /app/assets/*
			}
			reverse_proxy 127.0.0.1:9
		}
	}`, nil},
	{"public paths of a site that strips where it can", `SITE {
		uri strip_prefix /app
		itsme {
			public /assets/*
		}
		reverse_proxy 127.0.0.1:9
	}`, nil},
}

// TestStartWarnsOfWaysAroundItsme loads sites of which some leave a way to the upstream, or none
// to the gateway.
func TestStartWarnsOfWaysAroundItsme(t *testing.T) {
	s := caddytest.Run(t, "http://{{addr}} {\n\trespond ok\n}")
	for _, row := range coverageRows {
		t.Run(row.name, func(t *testing.T) {
			before := len(s.Log())
			config := coverageConfig(t, s, row.sites)
			if row.name == "order itsme last" {
				config = strings.Replace(config, "{", "{\norder itsme last", 1)
			}
			if err := s.Reload(config); err != nil {
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
	want := []string{"content_uncovered site " + s.Addr + ": respond is reachable without itsme", "endpoints_unreachable site " + s.URL + "/itsme/token: " + notReached}
	if diff := cmp.Diff(want, warnings(t, s.Log())); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// warnings are the findings in a log, and their lines up to the remedy and what explains it.
func warnings(t *testing.T, log string) (found []string) {
	t.Helper()
	for line := range strings.Lines(log) {
		var entry struct{ Level, Msg, Finding string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if entry.Level != "warn" || entry.Finding == "" {
			continue
		}
		problem, remedy, _ := strings.Cut(entry.Msg, "; ")
		if remedy == "" {
			t.Errorf("%q names no remedy", entry.Msg)
		}
		for _, explanation := range []string{" (", ", behind", ": paths count"} {
			problem, _, _ = strings.Cut(problem, explanation)
		}
		found = append(found, entry.Finding+" "+problem)
	}
	return found
}

// TestStartNamesSiteAndRemedy reads one warning whole.
func TestStartNamesSiteAndRemedy(t *testing.T) {
	s := caddytest.Run(t, "http://{{addr}} {\n\trespond ok\n}")
	if err := s.Reload(coverageConfig(t, s, "SITE {\nitsme\nrespond ok\n}\nhttp://other.example:PORT {\nreverse_proxy 127.0.0.1:9000\n}")); err != nil {
		t.Fatal(err)
	}
	const want = "site other.example: reverse_proxy to 127.0.0.1:9000 is reachable without itsme; " +
		"put itsme at the top level of the site, with public or a matcher for what needs no login"
	if !strings.Contains(s.Log(), `"`+want+`"`) {
		t.Errorf("the log lacks %q", want)
	}
}

// TestBrowserModeElsewhereIsAnError validates a site that would send browsers to a login page on a
// host that has none of their cookies. caddy validate finds it, before anything is started.
func TestBrowserModeElsewhereIsAnError(t *testing.T) {
	for host, want := range map[string]string{
		"app.example.be":   "",
		"other.example.be": "site other.example.be: mode browser: browsers log in on the host of public_url alone, https://app.example.be; ",
	} {
		config, err := caddytest.Adapt(strings.Replace(rightConfig, "http://app.example.be {\n\titsme", "http://"+host+" {\n\titsme {\nmode browser\n}", 1))
		if err != nil {
			t.Fatal(err)
		}
		if want != "" {
			checkInvalid(t, config, want)
		} else if err := caddytest.Validate(config, t.TempDir()); err != nil {
			t.Error(err)
		}
	}
}
