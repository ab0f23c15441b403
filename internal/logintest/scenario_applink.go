package logintest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every gateway of the suite has these apps, on the redirect URL of the apps.
const (
	IOSApp             = "A1B2C3D4E5.be.example.app"
	AndroidApp         = "be.example.app"
	AndroidFingerprint = "0A:1B:2C:3D:4E:5F:60:71:82:93:A4:B5:C6:D7:E8:F9:0A:1B:2C:3D:4E:5F:60:71:82:93:A4:B5:C6:D7:E8:F9"
)

var appLinkScenarios = []Scenario{
	{"links: a phone finds out which app the redirect URL belongs to", Options{}, linksFetched},
	{"links: a phone reads and does nothing else", Options{}, linksOnlyRead},
}

var linkFiles = []string{"/.well-known/apple-app-site-association", "/.well-known/assetlinks.json"}

// fetchLinks fetches a file as phones do, which send no credential and follow no redirect.
func fetchLinks(t *testing.T, e *Env, path string, file any) {
	t.Helper()
	got := e.do(t, bare(), request(t, http.MethodGet, e.URL+path, ""))
	if got.Status != http.StatusOK || got.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s: %d %s", path, got.Status, got.Header.Get("Content-Type"))
	}
	if cache := got.Header.Get("Cache-Control"); cache != "public, max-age=3600" {
		t.Errorf("%s: Cache-Control is %q", path, cache)
	}
	read := json.NewDecoder(strings.NewReader(got.Body))
	read.DisallowUnknownFields()
	if err := read.Decode(file); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// linksFetched reads the files by the shapes that Apple and Google publish.
func linksFetched(t *testing.T, e *Env) {
	app := e.NewApp()
	app.Start(t)
	_, back, _ := strings.Cut(app.Link, "redirect_uri=")
	back, _, _ = strings.Cut(back, "&")
	back, err := url.QueryUnescape(back)
	if err != nil {
		t.Fatal(err)
	}
	var apple struct {
		Applinks struct {
			Details []struct {
				AppIDs     []string            `json:"appIDs"`
				Components []map[string]string `json:"components"`
			} `json:"details"`
		} `json:"applinks"`
	}
	fetchLinks(t, e, linkFiles[0], &apple)
	if n := len(apple.Applinks.Details); n != 1 {
		t.Fatalf("%d details", n)
	}
	detail := apple.Applinks.Details[0]
	if diff := cmp.Diff([]string{IOSApp}, detail.AppIDs); diff != "" {
		t.Errorf("appIDs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]map[string]string{{"/": strings.TrimPrefix(back, e.URL)}}, detail.Components); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}

	type statement struct {
		Relation []string `json:"relation"`
		Target   struct {
			Namespace    string   `json:"namespace"`
			PackageName  string   `json:"package_name"`
			Fingerprints []string `json:"sha256_cert_fingerprints"`
		} `json:"target"`
	}
	want := statement{Relation: []string{"delegate_permission/common.handle_all_urls"}}
	want.Target.Namespace, want.Target.PackageName = "android_app", AndroidApp
	want.Target.Fingerprints = []string{AndroidFingerprint}
	var android []statement
	fetchLinks(t, e, linkFiles[1], &android)
	if diff := cmp.Diff([]statement{want}, android); diff != "" {
		t.Errorf("the statements (-want +got):\n%s", diff)
	}
}

func linksOnlyRead(t *testing.T, e *Env) {
	for _, path := range linkFiles {
		got := e.do(t, bare(), request(t, http.MethodHead, e.URL+path, ""))
		if got.Status != http.StatusOK || got.Body != "" || got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("HEAD %s: %d %q", path, got.Status, got.Body)
		}
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
			got := e.do(t, bare(), request(t, method, e.URL+path, ""))
			if got.Status != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow: %s", method, path, got.Status, got.Header.Get("Allow"))
			}
		}
	}
	e.wantNoUpstream(t)
}
