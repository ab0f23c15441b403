package mobile_test

import (
	"encoding/xml"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
)

// redirectURLs is where each app tells the gateway its redirect URL.
var redirectURLs = map[string]*regexp.Regexp{
	"ios/ExampleApp.swift":  regexp.MustCompile(`redirectURL: URL\(string: "([^"]+)"\)`),
	"android/ItsmeLogin.kt": regexp.MustCompile(`ItsmeGateway\("[^"]+"\.toHttpUrl\(\), "([^"]+)"\)`),
}

// TestAppsClaimTheirRedirectURL compares the redirect URL that each app sends with the one that it
// asks the phone for: if they differ, a browser opens, and everything else looks right.
func TestAppsClaimTheirRedirectURL(t *testing.T) {
	t.Parallel()
	claimed := map[string]string{
		"ios/ExampleApp.swift":  claimedOnIOS(t),
		"android/ItsmeLogin.kt": claimedOnAndroid(t),
	}
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
	_, domain, found := strings.Cut(read(t, "ios/Example.entitlements"), "<string>applinks:")
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
	if err := xml.Unmarshal([]byte(read(t, "android/AndroidManifest.xml")), &manifest); err != nil {
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
