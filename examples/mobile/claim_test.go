package mobile_test

import (
	"encoding/xml"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
)

// redirectURLs is where each app names its redirect URL.
var redirectURLs = map[string]*regexp.Regexp{
	swiftApp:  regexp.MustCompile(`redirectURL: URL\(string: "([^"]+)"\)`),
	kotlinApp: regexp.MustCompile(`Gateway\("[^"]+"\.toHttpUrl\(\), "([^"]+)"\)`),
}

const (
	swiftApp  = "ios/App/ExampleApp.swift"
	kotlinApp = "kotlin/android/src/main/kotlin/be/example/app/ExampleApp.kt"
)

// TestAppsClaimTheirRedirectURL compares the redirect URL that each app sends with the one that it
// asks the phone for: if they differ, a browser opens, and everything else looks right.
func TestAppsClaimTheirRedirectURL(t *testing.T) {
	t.Parallel()
	claimed := map[string]string{swiftApp: claimedOnIOS(t), kotlinApp: claimedOnAndroid(t)}
	for file, sent := range redirectURLs {
		found := sent.FindStringSubmatch(read(t, file))
		if found == nil {
			t.Fatalf("%s is no longer written so that this test finds its redirect URL", file)
		}
		// Only Android's manifest names a path; Apple's is in the file that the gateway serves.
		if u, err := url.Parse(found[1]); err != nil || (claimed[file] != found[1] && claimed[file] != u.Host) {
			t.Errorf("%s sends %s, and the app claims %s", file, found[1], claimed[file])
		}
	}
}

func claimedOnIOS(t *testing.T) (host string) {
	t.Helper()
	_, domain, found := strings.Cut(read(t, "ios/App/Example.entitlements"), "<string>applinks:")
	host, _, ended := strings.Cut(domain, "</string>")
	if !found || !ended {
		t.Fatal("the entitlements have no applinks domain")
	}
	return host
}

func claimedOnAndroid(t *testing.T) string {
	t.Helper()
	var manifest struct {
		Filters []struct {
			AutoVerify string `xml:"autoVerify,attr"`
			Data       struct {
				Scheme string `xml:"scheme,attr"`
				Host   string `xml:"host,attr"`
				Path   string `xml:"path,attr"`
			} `xml:"data"`
		} `xml:"application>activity>intent-filter"`
	}
	if err := xml.Unmarshal([]byte(read(t, "kotlin/android/src/main/AndroidManifest.xml")), &manifest); err != nil {
		t.Fatal(err)
	}
	for _, filter := range manifest.Filters {
		if filter.AutoVerify == "true" {
			return filter.Data.Scheme + "://" + filter.Data.Host + filter.Data.Path
		}
	}
	t.Fatal("the manifest has no filter with autoVerify")
	return ""
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
