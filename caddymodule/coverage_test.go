package caddymodule_test

import (
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
)

const (
	openUpstream = "reverse_proxy to 127.0.0.1:9 is reachable without itsme"
	notReached   = "requests for it do not reach the gateway: every itsme is inside a route that does not match them"
)

// coverageRow has sites and the expected warnings: the finding, and the line up to the remedy.
type coverageRow struct {
	name  string
	sites string
	want  []string
}

// TestStartWarnsOfWaysAroundItsme loads sites. On some of them requests reach the upstream without itsme, or
// do not reach the gateway.
func TestStartWarnsOfWaysAroundItsme(t *testing.T) {
	s := caddytest.Run(t, "http://{{addr}} {\n\trespond ok\n}")
	for _, row := range slices.Concat(uncoveredRows, matcherRows, publicRows, audienceRows) {
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

// TestErrorRoutesReachNoEndpoint has itsme in front of a part of a site, and in the error routes of a
// subroute, which only JSON can express. A request reaches those after an error only.
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

// warnings returns the findings in a log, each with its line up to the explanation or the remedy.
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
		for _, explanation := range []string{" (", ": public paths"} {
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
		"put itsme at the top level of the site; list paths that need no login in public, or use a matcher"
	if !strings.Contains(s.Log(), `"`+want+`"`) {
		t.Errorf("the log lacks %q", want)
	}
}

// TestStartWarnsOfWhatTokensShow has national numbers that every reader of an app's token sees, and a site whose answer
// to an app may differ from its answer to a browser.
func TestStartWarnsOfWhatTokensShow(t *testing.T) {
	s := caddytest.Run(t, "http://{{addr}} {\n\trespond ok\n}")
	const site = "SITE {\nitsme {\nrequire min_age 18\n}\nrespond ok\n}"
	for claims, want := range map[string][]string{
		"claims name age_over_18":               nil,
		"claims birthdate":                      nil,
		"claims nin age_over_21\nencrypted":     nil,
		"claims nin idp_id itsme_eid birthdate": {"claims_readable site " + s.URL + ": token claims: every reader of an app's token sees nin, idp_id, itsme_eid"},
		"claims age_over_21": {"min_age_differs site 127.0.0.1: require min_age: the token of an app has no age_over_18, " +
			"so that a user may pass with a browser and not with an app"},
	} {
		before := len(s.Log())
		config := strings.Replace(coverageConfig(t, s, site), "attributes name", "attributes name dateOfBirth nin idpId itsmeEid\ntoken {\n"+claims+"\n}", 1)
		if err := s.Reload(config); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, warnings(t, s.Log()[before:])); diff != "" {
			t.Errorf("%s: warnings (-want +got):\n%s", claims, diff)
		}
	}
}

// TestBrowserModeElsewhereIsAnError validates a site that would send browsers to a login page on a host that
// does not get their cookies. caddy validate refuses the site.
func TestBrowserModeElsewhereIsAnError(t *testing.T) {
	for host, want := range map[string]string{
		"app.example.be":   "",
		"other.example.be": "site other.example.be: mode browser: browsers can log in only on the host of public_url (https://app.example.be); ",
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
