package caddymodule_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
)

// deferredWarning returns the expected warning for a field.
func deferredWarning(where, field string) []string {
	return []string{"header_deferred site " + where + ": a deferred header operation on " + field + " runs after itsme and overrides its value, also for /itsme/*"}
}

// deferredRows are header operations, with the field that the warning names.
var deferredRows = []struct{ name, site, where, field string }{
	{"deferred", "header >Cache-Control \"public, max-age=60\"", "127.0.0.1", "Cache-Control"},
	{"in a block", "header {\nCache-Control \"max-age=60\"\ndefer\n}", "127.0.0.1", "Cache-Control"},
	{"beside a field that is deleted", "header {\nCache-Control \"max-age=60\"\n-Server\n}", "127.0.0.1", "Cache-Control"},
	{"with a response matcher", "header {\nCache-Control \"max-age=60\"\nmatch {\nstatus 200\n}\n}", "127.0.0.1", "Cache-Control"},
	{"added", "header {\n+Cache-Control \"public\"\ndefer\n}", "127.0.0.1", "Cache-Control"},
	{"deleted", "header -Cache-Control", "127.0.0.1", "Cache-Control"},
	{"deleted by a prefix", "header -Cache-*", "127.0.0.1", "Cache-Control"},
	{"deleted by a suffix", "header -*cookie", "127.0.0.1", "Set-Cookie"},
	{"deleted by a part", "header -*-coo*", "127.0.0.1", "Set-Cookie"},
	{"all deleted", "header -*", "127.0.0.1", "Cache-Control and Set-Cookie and Vary"},
	{"replaced", "header >Set-Cookie \"SameSite=Lax\" \"SameSite=None\"", "127.0.0.1", "Set-Cookie"},
	{"a targeted field", "header >CDN-Cache-Control \"max-age=60\"", "127.0.0.1", "Cdn-Cache-Control"},
	{"another", "header >Surrogate-Control \"max-age=60\"", "127.0.0.1", "Surrogate-Control"},
	{"a targeted field where there is none", "header ?X-Accel-Expires 60", "127.0.0.1", "X-Accel-Expires"},
	{"what varies", "header >Vary Accept", "127.0.0.1", "Vary"},
	{"a name from a placeholder", "header >{http.request.header.X} x", "127.0.0.1", "{http.request.header.X}"},
	{"in a part that needs a login", "header /account/* >Cache-Control public", "127.0.0.1 /account/*", "Cache-Control"},
	{"over the own endpoints alone", "header /itsme/* >Cache-Control public", "127.0.0.1 /itsme/*", "Cache-Control"},
	{"over the callback alone", "header /itsme/callback >Cache-Control public", "127.0.0.1 /itsme/callback", "Cache-Control"},
	{"for a kind of file, which any path can end in", "@css path *.css\nheader @css >Cache-Control public", "127.0.0.1 *.css", "Cache-Control"},
	{"everywhere but in a part", "@rest not path /assets/*\nheader @rest >Cache-Control public", "127.0.0.1", "Cache-Control"},
	{"with a matcher of another kind", "@get method GET\nheader @get >Cache-Control public", "127.0.0.1", "Cache-Control"},

	{"at once", "header Cache-Control public", "", ""},
	{"another field", "header >X-Frame-Options DENY", "", ""},
	{"no-store", "header >Cache-Control no-store", "", ""},
	{"private", "header {\nCache-Control \"private, max-age=60\"\n-Server\n}", "", ""},
	{"where there is none", "header ?Cache-Control \"max-age=60\"", "", ""},
	{"a targeted field deleted", "header -CDN-Cache-Control", "", ""},
	{"one more thing that varies", "header {\n+Vary Origin\ndefer\n}", "", ""},
	{"in a part that is public", "header /assets/* >Cache-Control public", "", ""},
	{"at a path that is public", "header /assets/a.css >Cache-Control public", "", ""},
	{"of the request", "request_header Cache-Control no-cache", "", ""},
}

// TestStartWarnsOfDeferredHeaders has header operations that override the Cache-Control of itsme. Caches would then
// store the responses of /token and of the callback, and the pages of users.
func TestStartWarnsOfDeferredHeaders(t *testing.T) {
	s := caddytest.Run(t, "http://{{addr}} {\n\trespond ok\n}")
	for _, row := range deferredRows {
		t.Run(row.name, func(t *testing.T) {
			var want []string
			if row.field != "" {
				want = deferredWarning(row.where, row.field)
			}
			wantWarnings(t, s, "SITE {\n"+row.site+"\nitsme {\npublic /assets/*\n}\nrespond ok\n}", want)
		})
	}
}

// TestStartKnowsTheOrderOfHeaders: a header operation after itsme, or in another route, does not override itsme.
func TestStartKnowsTheOrderOfHeaders(t *testing.T) {
	s := caddytest.Run(t, "http://{{addr}} {\n\trespond ok\n}")
	for name, row := range map[string]struct {
		sites string
		want  []string
	}{
		"behind itsme":            {"SITE {\nroute {\nitsme\nheader >Cache-Control public\nrespond ok\n}\n}", nil},
		"in front of itsme":       {"SITE {\nroute {\nheader >Cache-Control public\nitsme\nrespond ok\n}\n}", deferredWarning("127.0.0.1", "Cache-Control")},
		"in a route in front":     {"SITE {\nroute {\nroute {\nheader >Cache-Control public\n}\nitsme\nrespond ok\n}\n}", deferredWarning("127.0.0.1", "Cache-Control")},
		"in another handle":       {"SITE {\nhandle /a/* {\nheader >Cache-Control public\nrespond 204\n}\nhandle {\nitsme\nrespond ok\n}\n}", nil},
		"in the handle of itsme":  {"SITE {\nhandle {\nheader >Cache-Control public\nitsme\nrespond ok\n}\n}", deferredWarning("127.0.0.1", "Cache-Control")},
		"of another host":         {"SITE {\nitsme\nrespond ok\n}\nhttp://other.example:PORT {\nheader >Cache-Control public\nrespond ok\n}", nil},
		"outside the matcher":     {"SITE {\nheader /assets/* >Cache-Control public\n@in path /account /account/*\nitsme @in\nrespond ok\n}", nil},
		"inside the matcher":      {"SITE {\nheader /account/* >Cache-Control public\n@in path /account /account/*\nitsme @in\nrespond ok\n}", deferredWarning("127.0.0.1 /account/*", "Cache-Control")},
		"wider than the matcher":  {"SITE {\nheader /a* >Cache-Control public\n@in path /account /account/*\nitsme @in\nrespond ok\n}", deferredWarning("127.0.0.1 /a*", "Cache-Control")},
		"in a named route":        {"&(h) {\nheader >Cache-Control public\n}\nSITE {\nroute {\ninvoke h\nitsme\nrespond ok\n}\n}", deferredWarning("127.0.0.1", "Cache-Control")},
		"itsme in a named route":  {"&(i) {\nitsme\nrespond ok\n}\nSITE {\nheader >Cache-Control public\ninvoke i\n}", deferredWarning("127.0.0.1", "Cache-Control")},
		"in front of error pages": {"SITE {\nitsme\nrespond ok\nhandle_errors {\nheader >Cache-Control public\nitsme {\noptional\n}\nrespond ok\n}\n}", deferredWarning("127.0.0.1", "Cache-Control")},
		"two fields":              {"SITE {\nheader {\n>Cache-Control public\n-Set-Cookie\n}\nitsme\nrespond ok\n}", deferredWarning("127.0.0.1", "Cache-Control and Set-Cookie")},
		"no itsme":                {"SITE {\nheader >Cache-Control public\nrespond ok\n}", nil},
	} {
		t.Run(name, func(t *testing.T) { wantWarnings(t, s, row.sites, row.want) })
	}
}

// TestGroupsOfNestedRoutesAreTheirOwn has two lists with a group of the same name, which only JSON can express. A request
// takes a route of each list.
func TestGroupsOfNestedRoutesAreTheirOwn(t *testing.T) {
	s := caddytest.RunJSON(t, `{"apps":{
		"itsme":{"gateways":{"default":{"public_url":"http://{{addr}}","attributes":["name"],
			"signicat":{"client_id":"x","client_secret":"y","api_url":"http://127.0.0.1:1"}}}},
		"http":{"servers":{"s":{"listen":["{{addr}}"],"automatic_https":{"disable":true},"routes":[
			{"group":"g","handle":[{"handler":"headers","response":{"deferred":true,"set":{"Cache-Control":["public"]}}}]},
			{"handle":[{"handler":"subroute","routes":[{"group":"g","handle":[{"handler":"itsme"}]}]}]}]}}}}}`)
	if diff := cmp.Diff(deferredWarning(s.Addr, "Cache-Control"), warnings(t, s.Log())); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// wantWarnings loads sites and compares the warnings in the log.
func wantWarnings(t *testing.T, s *caddytest.Server, sites string, want []string) {
	t.Helper()
	before := len(s.Log())
	if err := s.Reload(coverageConfig(t, s, sites)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, warnings(t, s.Log()[before:])); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}
