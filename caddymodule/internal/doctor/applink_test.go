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
	right := map[string]string{ios: `["TEAM.be.other.app", "TEAM.be.example.app"]`, android: `["be.example.app"]`}
	iPhone := gateway.AppLinkConfig{IOS: []string{"TEAM.be.example.app"}}
	phone := gateway.AppLinkConfig{Android: []gateway.AndroidApp{{Package: "be.example.app"}}}
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
		{"another app", phone, "application/json", map[string]string{android: `["be.example.app2"]`}, []Name{appLinkMissing}},
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
