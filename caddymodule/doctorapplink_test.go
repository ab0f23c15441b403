package caddymodule

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
		want      []findingName
	}{
		{"no app", gateway.AppLinkConfig{}, "application/json", nil, nil},
		{"both", both, "application/json", right, []findingName{appLinkServed, appLinkServed}},
		{"a parameter of the type", iPhone, "application/json; charset=utf-8", right, []findingName{appLinkServed}},
		{"Android alone", phone, "application/json", map[string]string{android: right[android]}, []findingName{appLinkServed}},
		{"a file that is missing", iPhone, "application/json", map[string]string{android: `[]`}, []findingName{appLinkMissing}},
		{"another type", iPhone, "text/html", right, []findingName{appLinkMissing}},
		{"no JSON", phone, "application/json", map[string]string{android: `<html>`}, []findingName{appLinkMissing}},
		{"another app", phone, "application/json", map[string]string{android: `["be.example.app2"]`}, []findingName{appLinkMissing}},
		{"too long for a phone", iPhone, "application/json", map[string]string{ios: right[ios] + strings.Repeat(" ", maxAppleFile)}, []findingName{appLinkMissing}},
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
			p := &patient{config: gateway.Config{AppLinks: row.links, AppRedirectURLs: []string{server.URL + "/a", server.URL + "/b"}}}
			d := &doctor{fetch: newFetcher(nil)}
			var got []findingName
			for _, finding := range d.checkAppLinks(t.Context(), p) {
				got = append(got, finding.Finding)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("it finds (-want +got):\n%s", diff)
			}
		})
	}
}
