package caddymodule

import (
	"encoding/json"
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
	right := map[string]string{ios: `{"applinks": {}}`, android: `[]`}
	for _, row := range []struct {
		name, links, mediaType string
		files                  map[string]string
		want                   []findingName
	}{
		{"no app", `{}`, "application/json", nil, nil},
		{"both", `{"ios": ["TEAM.be.example.app"], "android": [{}]}`, "application/json", right, []findingName{appLinkServed, appLinkServed}},
		{"a parameter of the type", `{"ios": ["TEAM.be.example.app"]}`, "application/json; charset=utf-8", right, []findingName{appLinkServed}},
		{"Android alone", `{"android": [{}]}`, "application/json", map[string]string{android: `[]`}, []findingName{appLinkServed}},
		{"a file that is missing", `{"ios": ["TEAM.be.example.app"]}`, "application/json", map[string]string{android: `[]`}, []findingName{appLinkMissing}},
		{"another type", `{"ios": ["TEAM.be.example.app"]}`, "text/html", right, []findingName{appLinkMissing}},
		{"no JSON", `{"android": [{}]}`, "application/json", map[string]string{android: `<html>`}, []findingName{appLinkMissing}},
		{"too long for a phone", `{"ios": ["TEAM.be.example.app"]}`, "application/json", map[string]string{ios: `"` + strings.Repeat("x", maxAppleFile) + `"`}, []findingName{appLinkMissing}},
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
			p := &patient{config: gateway.Config{AppRedirectURLs: []string{server.URL + "/a", server.URL + "/b"}}}
			if err := json.Unmarshal([]byte(row.links), &p.appLinks); err != nil {
				t.Fatal(err)
			}
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
