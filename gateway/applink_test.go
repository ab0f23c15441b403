package gateway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

const (
	appleFile   = "/.well-known/apple-app-site-association"
	androidFile = "/.well-known/assetlinks.json"
)

var fingerprint = strings.Repeat("0A:", 31) + "FF"

// linked is a configuration with an app on each platform.
func linked(t *testing.T) gateway.Config {
	t.Helper()
	config := usable(t)
	config.AppLinks = gateway.AppLinkConfig{
		IOS:     []string{"A1B2C3D4E5.be.example.app"},
		Android: []gateway.AndroidApp{{Package: "be.example.app", Fingerprints: []string{fingerprint}}},
	}
	return config
}

// siteOf returns a site in front of an upstream that answers 418.
func siteOf(t *testing.T, config gateway.Config) http.Handler {
	t.Helper()
	g, err := gateway.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	site, err := g.NewSite(gateway.SiteConfig{Optional: true})
	if err != nil {
		t.Fatal(err)
	}
	return site.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
}

func fetch(site http.Handler, url string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	site.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
	return w
}

// TestAppLinkFiles compares the files letter for letter with what was written down after Apple's
// and Google's documentation.
func TestAppLinkFiles(t *testing.T) {
	t.Parallel()
	config := linked(t)
	config.AppRedirectURLs = []string{"https://app.example.be/back", "https://app.example.be/beta/back", "https://Go.example.be:443/back"}
	config.AppLinks.IOS = append(config.AppLinks.IOS, "F6G7H8I9J0.be.example.beta")
	config.AppLinks.Android = append(config.AppLinks.Android, gateway.AndroidApp{
		Package: "be.example.beta", Fingerprints: []string{strings.ToLower(fingerprint), strings.Repeat("bc", 32)},
	})
	site := siteOf(t, config)
	ids := `{"appIDs":["A1B2C3D4E5.be.example.app","F6G7H8I9J0.be.example.beta"],"components":`
	android := `[{"relation":["delegate_permission/common.handle_all_urls"],"target":{"namespace":"android_app","package_name":"be.example.app",` +
		`"sha256_cert_fingerprints":["` + fingerprint + `"]}},` +
		`{"relation":["delegate_permission/common.handle_all_urls"],"target":{"namespace":"android_app","package_name":"be.example.beta",` +
		`"sha256_cert_fingerprints":["` + fingerprint + `","` + strings.Repeat("BC:", 31) + `BC"]}}]`
	for url, want := range map[string]string{
		"https://app.example.be" + appleFile:   `{"applinks":{"details":[` + ids + `[{"/":"/back"},{"/":"/beta/back"}]}]}}`,
		"https://go.example.be" + appleFile:    `{"applinks":{"details":[` + ids + `[{"/":"/back"}]}]}}`,
		"https://app.example.be" + androidFile: android,
		"https://go.example.be" + androidFile:  android,
	} {
		got := fetch(site, url)
		if diff := cmp.Diff(want, got.Body.String()); got.Code != http.StatusOK || diff != "" {
			t.Errorf("%s: %d (-want +got):\n%s", url, got.Code, diff)
		}
	}
	// The page for a phone that opened a browser is at the same URLs, however they are spelled.
	if got := fetch(site, "https://go.example.be/back?state=x"); got.Code != http.StatusOK {
		t.Errorf("the page of the app redirect URL: %d", got.Code)
	}
}

// TestAppLinkFilesAreOursWithApps: without an app of the platform, on another host, or at another path, the
// URL belongs to the upstream.
func TestAppLinkFilesAreOursWithApps(t *testing.T) {
	t.Parallel()
	without, ios, android, elsewhere := usable(t), linked(t), linked(t), linked(t)
	ios.AppLinks.Android, android.AppLinks.IOS = nil, nil
	elsewhere.AppRedirectURLs = []string{"https://go.example.be/back"}
	const here, there = "https://app.example.be", "https://go.example.be"
	for _, row := range []struct {
		name   string
		config gateway.Config
		url    string
		want   int
	}{
		{"no app: Apple's", without, here + appleFile, http.StatusTeapot},
		{"no app: Android's", without, here + androidFile, http.StatusTeapot},
		{"an iPhone app: Apple's", ios, here + appleFile, http.StatusOK},
		{"an iPhone app: Android's", ios, here + androidFile, http.StatusTeapot},
		{"an Android app: Apple's", android, here + appleFile, http.StatusTeapot},
		{"an Android app: Android's", android, here + androidFile, http.StatusOK},
		{"the app redirect URL is elsewhere: here", elsewhere, here + appleFile, http.StatusTeapot},
		{"the app redirect URL is elsewhere: there", elsewhere, there + appleFile, http.StatusOK},
		{"a host that has no app redirect URL", ios, "https://other.example.be" + appleFile, http.StatusTeapot},
		{"the place before .well-known", ios, here + "/apple-app-site-association", http.StatusTeapot},
		{"with a slash behind it", ios, here + appleFile + "/", http.StatusTeapot},
	} {
		if got := fetch(siteOf(t, row.config), row.url); got.Code != row.want {
			t.Errorf("%s: %d, want %d", row.name, got.Code, row.want)
		}
	}
}

func TestAppLinkErrorNamesTheRemedy(t *testing.T) {
	t.Parallel()
	ios := func(ids ...string) func(*gateway.Config) {
		return func(c *gateway.Config) { c.AppLinks.IOS = ids }
	}
	android := func(name string, fingerprints ...string) func(*gateway.Config) {
		return func(c *gateway.Config) {
			c.AppLinks.Android = append(c.AppLinks.Android, gateway.AndroidApp{Package: name, Fingerprints: fingerprints})
		}
	}
	redirect := func(url string) func(*gateway.Config) {
		return func(c *gateway.Config) { c.AppRedirectURLs = []string{url} }
	}
	for _, row := range []struct {
		name   string
		change func(*gateway.Config)
		want   string // in the message
	}{
		{"bundle ID without a team ID", ios("be.example.app"), "app_link ios: \"be.example.app\" does not begin with a team ID"},
		{"team ID in small letters", ios("a1b2c3d4e5.be.example.app"), "does not begin with a team ID"},
		{"team ID that is too long", ios("A1B2C3D4E5F.be.example.app"), "does not begin with a team ID"},
		{"team ID alone", ios("A1B2C3D4E5"), "no bundle ID"},
		{"bundle ID that is a wildcard", ios("A1B2C3D4E5.be.example.*"), "no wildcard"},
		{"bundle ID with an underscore", ios("A1B2C3D4E5.be.example_app"), "use letters, digits, - and dots"},
		{"bundle ID that ends in a dot", ios("A1B2C3D4E5.be.example."), "no bundle ID"},
		{"bundle ID that never ends", ios("A1B2C3D4E5." + strings.Repeat("a", 256)), "no bundle ID"},
		{"iPhone app twice", ios("A1B2C3D4E5.be.app", "A1B2C3D4E5.be.app"), "twice"},
		{"package without a dot", android("app", fingerprint), "app_link android: \"app\" is not a package name"},
		{"package with a segment that begins with a digit", android("be.2example", fingerprint), "is not a package name"},
		{"package with a hyphen", android("be.my-example", fingerprint), "applicationId of build.gradle"},
		{"Android app twice", android("be.example.app", strings.Repeat("BC", 32)), "put all its fingerprints on one line"},
		{"no fingerprint", android("be.example.beta"), "keytool -list -v"},
		{"SHA-1", android("be.example.beta", strings.Repeat("AB:", 19)+"AB"), "is a SHA-1 fingerprint; take the one that keytool -list -v -keystore <file> prints behind SHA256:"},
		{"half a fingerprint", android("be.example.beta", strings.Repeat("AB:", 15)+"AB"), "has 16 bytes"},
		{"what keytool prints before it", android("be.example.beta", "SHA256:"), "is not a fingerprint"},
		{"fingerprint that is base64", android("be.example.beta", "sha256/AAAA"), "is not a fingerprint"},
		{"colons at odd places", android("be.example.beta", "A:"+strings.Repeat("AB", 31)+"B"), "is not a fingerprint"},
		{"colons in a part", android("be.example.beta", "AB:"+strings.Repeat("AB", 31)), "is not a fingerprint"},
		{"fingerprint twice, spelt in two ways", android("be.example.beta", strings.Repeat("ab", 32), strings.Repeat("AB:", 31)+"AB"), "twice"},
		{"path with Apple's wildcard", redirect("https://app.example.be/a*b"), "app_redirect_url: "},
		{"path with Apple's single wildcard", redirect("https://app.example.be/a%3Fb"), "Apple could read the path"},
		{"path with Apple's variable", redirect("https://app.example.be/$lang"), "Apple could read the path"},
		{"more than a phone takes", manyApps, "128 KB"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			config := linked(t)
			row.change(&config)
			_, err := gateway.New(config)
			if !errors.Is(err, gateway.ErrConfig) {
				t.Fatalf("got %v, want ErrConfig", err)
			}
			if text := err.Error(); !strings.Contains(text, row.want) || strings.Contains(text, "\n") {
				t.Errorf("got %q, want %q in it", text, row.want)
			}
		})
	}
}

// manyApps makes a file that is too large for phones.
func manyApps(c *gateway.Config) {
	for i := range 1000 {
		c.AppLinks.IOS = append(c.AppLinks.IOS, fmt.Sprintf("A1B2C3D4E5.be.example.%s%d", strings.Repeat("a", 120), i))
	}
}

// TestLargestAppleFileIsTaken serves a file of the largest accepted size. It arrives whole.
func TestLargestAppleFileIsTaken(t *testing.T) {
	t.Parallel()
	config := linked(t)
	for i := range 800 {
		config.AppLinks.IOS = append(config.AppLinks.IOS, fmt.Sprintf("A1B2C3D4E5.be.example.%s%d", strings.Repeat("a", 120), i))
	}
	got := fetch(siteOf(t, config), "https://app.example.be"+appleFile)
	if !json.Valid(got.Body.Bytes()) || got.Body.Len() > 128_000 || got.Body.Len() < 100_000 {
		t.Errorf("%d with %d bytes", got.Code, got.Body.Len())
	}
}

// TestHostsAreThoseOfTheAppLinkFiles: two gateways in one process must not share such a host.
func TestHostsAreThoseOfTheAppLinkFiles(t *testing.T) {
	t.Parallel()
	without, with := usable(t), linked(t)
	urls := []string{"https://app.example.be/back", "https://go.example.be/back"}
	without.AppRedirectURLs, with.AppRedirectURLs = urls, urls
	for name, row := range map[string]struct {
		config gateway.Config
		want   []string
	}{
		"without apps": {without, []string{"app.example.be"}},
		"with apps":    {with, []string{"app.example.be", "go.example.be"}},
	} {
		g, err := gateway.New(row.config)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(row.want, g.Hosts()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
}
