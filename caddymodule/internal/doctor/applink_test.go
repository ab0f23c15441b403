package doctor

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

func TestDoctorAsksForAppLinks(t *testing.T) {
	t.Parallel()
	const ios, android = "/.well-known/apple-app-site-association", "/.well-known/assetlinks.json"
	apple := func(app, components string) string {
		return `{"applinks":{"details":[{"appIDs":["TEAM.be.other.app"],"components":[{"/":"/*"}]},{"appIDs":["` + app + `"],"components":[` + components + `]}]}}`
	}
	google := func(relation, app, fingerprint string) string {
		return `[{"relation":["delegate_permission/common.` + relation + `"],"target":{"namespace":"android_app","package_name":"` + app + `","sha256_cert_fingerprints":["` + fingerprint + `"]}}]`
	}
	const us = "TEAM.be.example.app"
	right := map[string]string{ios: apple(us, `{"/":"/a"},{"/":"/b","?":"*"}`), android: google("handle_all_urls", "be.example.app", "AA:BB")}
	with := func(path, text string) map[string]string { return map[string]string{path: text} }
	iPhone := gateway.AppLinkConfig{IOS: []string{"TEAM.be.example.app"}}
	phone := gateway.AppLinkConfig{Android: []gateway.AndroidApp{{Package: "be.example.app", Fingerprints: []string{"aabb"}}}}
	both := gateway.AppLinkConfig{IOS: iPhone.IOS, Android: phone.Android}
	for _, row := range []struct {
		name      string
		links     gateway.AppLinkConfig
		mediaType string
		files     map[string]string
		want      []Name
	}{
		{"no app", gateway.AppLinkConfig{}, "application/json", nil, nil},
		{"both", both, "application/json", right, []Name{appLinkServed, appLinkServed}},
		{"a parameter of the type", iPhone, "application/json; charset=utf-8", right, []Name{appLinkServed}},
		{"Android alone", phone, "application/json", map[string]string{android: right[android]}, []Name{appLinkServed}},
		{"a file that is missing", iPhone, "application/json", map[string]string{android: `[]`}, []Name{appLinkMissing}},
		{"another type", iPhone, "text/html", right, []Name{appLinkMissing}},
		{"no JSON", phone, "application/json", map[string]string{android: `<html>`}, []Name{appLinkMissing}},
		{"another app", phone, "application/json", map[string]string{android: google("handle_all_urls", "be.example.app2", "AA:BB")}, []Name{appLinkMissing}},
		{"another certificate", phone, "application/json", with(android, google("handle_all_urls", "be.example.app", "AA:BC")), []Name{appLinkMissing}},
		{"another relation", phone, "application/json", with(android, google("get_login_creds", "be.example.app", "AA:BB")), []Name{appLinkMissing}},
		{"an array of names", phone, "application/json", with(android, `["be.example.app"]`), []Name{appLinkMissing}},
		{"every path", iPhone, "application/json", with(ios, apple(us, `{"/":"*"}`)), []Name{appLinkServed}},
		{"one of two paths", iPhone, "application/json", with(ios, apple(us, `{"/":"/a"}`)), []Name{appLinkMissing}},
		{"paths of another kind", iPhone, "application/json", with(ios, apple(us, `{"/":"/app/*"}`)), []Name{appLinkMissing}},
		{"an excluded path before every path", iPhone, "application/json", with(ios, apple(us, `{"/":"/b","exclude":true},{"/":"*"}`)), []Name{appLinkMissing}},
		{"an excluded path behind every path", iPhone, "application/json", with(ios, apple(us, `{"/":"*"},{"/":"/b","exclude":true}`)), []Name{appLinkServed}},
		{"a fragment, which itsme does not send", iPhone, "application/json", with(ios, apple(us, `{"/":"*","#":"app"}`)), []Name{appLinkMissing}},
		{"a query, which itsme does not send", iPhone, "application/json", with(ios, apple(us, `{"/":"*","?":{"app":"1"}}`)), []Name{appLinkMissing}},
		{"a pattern of one character", iPhone, "application/json", with(ios, apple(us, `{"/":"/?"}`)), []Name{appLinkServed}},
		{"a dot that is a dot", iPhone, "application/json", with(ios, apple(us, `{"/":"."},{"/":".."}`)), []Name{appLinkMissing}},
		{"the paths of another app", iPhone, "application/json", with(ios, apple("TEAM.be.third.app", `{"/":"*"}`)), []Name{appLinkMissing}},
		{"the form of iOS 12", iPhone, "application/json", with(ios, `{"applinks":{"apps":[],"details":[{"appID":"`+us+`","paths":["NOT /c","/*"]}]}}`), []Name{appLinkServed}},
		{"the form of iOS 12 with an excluded path", iPhone, "application/json", with(ios, `{"applinks":{"apps":[],"details":[{"appID":"`+us+`","paths":["NOT /b","/*"]}]}}`), []Name{appLinkMissing}},
		{"too long for a phone", iPhone, "application/json", map[string]string{ios: right[ios] + strings.Repeat(" ", maxAppleFile)}, []Name{appLinkMissing}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				file, ok := row.files[r.URL.Path]
				if !ok {
					http.Redirect(w, r, "/login", http.StatusSeeOther)
					return
				}
				w.Header().Set("Content-Type", row.mediaType)
				_, _ = io.WriteString(w, file)
			}))
			t.Cleanup(server.Close)
			g := &Gateway{Config: gateway.Config{AppLinks: row.links, AppRedirectURLs: []string{server.URL + "/a", server.URL + "/b"}}}
			d := &doctor{fetch: newFetcher(nil)}
			var got []Name
			for _, finding := range d.checkAppLinks(t.Context(), g) {
				got = append(got, finding.Name)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("it finds (-want +got):\n%s", diff)
			}
		})
	}
}
