package gateway

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// AppLinkConfig names the apps that own the app redirect URLs. Phones then open these URLs in the app and not
// in a browser. The zero value serves no file for phones.
type AppLinkConfig struct {
	// IOS lists apps by application identifier: the team ID, a dot, and the bundle ID, such as
	// A1B2C3D4E5.be.example.app. Empty serves no apple-app-site-association. Source:
	// https://developer.apple.com/documentation/xcode/supporting-associated-domains.
	IOS []string

	// Android lists apps by package and certificate. Empty serves no assetlinks.json. Source:
	// https://developer.android.com/training/app-links/verify-android-applinks.
	Android []AndroidApp
}

// AndroidApp names an Android app and the certificates that sign it.
type AndroidApp struct {
	// Package is the application ID, such as be.example.app. Required.
	Package string

	// Fingerprints are the SHA-256 of each certificate that the app is signed with: 32 bytes in
	// hexadecimal, with colons between them or without, in either case. Required, at least one.
	// With Play App Signing it is Google's certificate that phones see.
	Fingerprints []string
}

const (
	appleLinkFile   = "/.well-known/apple-app-site-association"
	androidLinkFile = "/.well-known/assetlinks.json"
)

// appLinkFiles returns, by host and path, the files in which phones find the app of a redirect URL. Each host
// vouches for its own URLs alone.
func (c Config) appLinkFiles() map[string]endpoint {
	files := make(map[string]endpoint)
	links := c.AppLinks
	for host, paths := range c.appLinkPaths() {
		if len(links.IOS) > 0 {
			files[host+appleLinkFile] = document(links.association(paths))
		}
		if len(links.Android) > 0 {
			files[host+androidLinkFile] = document(links.statements())
		}
	}
	return files
}

// appLinkPaths returns the paths of the app redirect URLs by host. Without app links it returns none.
func (c Config) appLinkPaths() map[string][]string {
	if len(c.AppLinks.IOS) == 0 && len(c.AppLinks.Android) == 0 {
		return nil
	}
	paths := make(map[string][]string)
	for _, raw := range c.AppRedirectURLs {
		if u, err := url.Parse(raw); err == nil {
			host := originHost(u)
			paths[host] = append(paths[host], u.EscapedPath())
		}
	}
	return paths
}

// appLinkHosts returns the hosts that serve the files at their root.
func (c Config) appLinkHosts() []string { return slices.Sorted(maps.Keys(c.appLinkPaths())) }

// association returns Apple's applinks service in its current form, which iOS 13 and newer read. A component matches
// a path with any query: a redirect of itsme with more parameters must reach the app too. Source:
// https://developer.apple.com/documentation/bundleresources/applinks.
func (l AppLinkConfig) association(paths []string) any {
	components := make([]map[string]string, len(paths))
	for i, path := range paths {
		components[i] = map[string]string{"/": path}
	}
	details := map[string]any{"appIDs": l.IOS, "components": components}
	return map[string]any{"applinks": map[string]any{"details": []any{details}}}
}

// statements returns the statements of Digital Asset Links. They cover the whole host: the app's manifest decides
// which URLs the app opens.
func (l AppLinkConfig) statements() any {
	statements := make([]any, len(l.Android))
	for i, app := range l.Android {
		fingerprints := make([]string, len(app.Fingerprints))
		for j, raw := range app.Fingerprints {
			fingerprints[j], _ = plainFingerprint(raw) // it was checked with the configuration
		}
		statements[i] = map[string]any{
			"relation": []string{"delegate_permission/common.handle_all_urls"},
			"target": map[string]any{
				"namespace": "android_app", "package_name": app.Package, "sha256_cert_fingerprints": fingerprints,
			},
		}
	}
	return statements
}

var (
	teamID = regexp.MustCompile(`^[A-Z0-9]{10}$`)
	// bundleID has Apple's characters,
	// https://developer.apple.com/documentation/bundleresources/information-property-list/cfbundleidentifier.
	// A wildcard has no associated domains.
	bundleID = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$`)
	// androidPackage is an application ID, https://developer.android.com/build/configure-app-module:
	// segments that begin with a letter, at least two of them.
	androidPackage = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$`)
	// literalPath has no character with which Apple begins a pattern or a variable.
	literalPath = regexp.MustCompile(`^[A-Za-z0-9/._~-]+$`)
)

const (
	// maxIdentifier bounds bundle IDs and packages, in bytes.
	maxIdentifier = 255
	// maxAppleFile is the size of the largest apple-app-site-association that phones accept, 128 KB.
	maxAppleFile = 128 * 1000
	// sha1Size is the size of a SHA-1 fingerprint, which keytool prints above the SHA-256 one.
	sha1Size = 20
)

func (c Config) validateAppLinks() error {
	for _, id := range c.AppLinks.IOS {
		if err := validateAppID(id); err != nil {
			return err
		}
	}
	for i, app := range c.AppLinks.Android {
		if err := app.validate(); err != nil {
			return err
		}
		same := func(other AndroidApp) bool { return other.Package == app.Package }
		if slices.ContainsFunc(c.AppLinks.Android[:i], same) {
			return configErrorf("app_link android: %q is listed twice; put all its fingerprints on one line", app.Package)
		}
	}
	return cmp.Or(validateOnce("app_link ios", c.AppLinks.IOS), c.validateAppleFiles())
}

func validateAppID(id string) error {
	team, bundle, _ := strings.Cut(id, ".")
	switch {
	case !teamID.MatchString(team):
		return configErrorf("app_link ios: %q does not begin with a team ID, 10 capital letters and digits; write team ID, dot, bundle ID, such as A1B2C3D4E5.be.example.app (the team ID is under Membership details at developer.apple.com/account)", id)
	case !bundleID.MatchString(bundle) || len(bundle) > maxIdentifier:
		return configErrorf("app_link ios: %q has no bundle ID behind the team ID; use letters, digits, - and dots between them, as in Xcode's Bundle Identifier, and no wildcard", id)
	}
	return nil
}

func (a AndroidApp) validate() error {
	if !androidPackage.MatchString(a.Package) || len(a.Package) > maxIdentifier {
		return configErrorf("app_link android: %q is not a package name; write the applicationId of build.gradle, such as be.example.app", a.Package)
	}
	if len(a.Fingerprints) == 0 {
		return configErrorf("app_link android: %q has no fingerprint; add the SHA256 that keytool -list -v -keystore <file> prints, or the one under App signing in the Play Console", a.Package)
	}
	var seen []string
	for _, raw := range a.Fingerprints {
		plain, err := plainFingerprint(raw)
		if err != nil {
			return err
		}
		if slices.Contains(seen, plain) {
			return configErrorf("app_link android: the fingerprint %s is listed twice; remove one", plain)
		}
		seen = append(seen, plain)
	}
	return nil
}

// hexBytes matches hexadecimal bytes, with a colon between all of them or none.
var hexBytes = regexp.MustCompile(`^[0-9A-Fa-f]{2}((:[0-9A-Fa-f]{2})*|([0-9A-Fa-f]{2})*)$`)

// plainFingerprint writes a SHA-256 fingerprint as Android expects it: capitals, with colons.
func plainFingerprint(raw string) (string, error) {
	bytes, err := hex.DecodeString(strings.ReplaceAll(raw, ":", ""))
	switch {
	case err != nil || !hexBytes.MatchString(raw):
		return "", configErrorf("app_link android: %q is not a fingerprint; write 32 bytes such as AA:BB:..., which keytool -list -v -keystore <file> prints behind SHA256:", raw)
	case len(bytes) == sha1Size:
		return "", configErrorf("app_link android: %q is a SHA-1 fingerprint; take the one that keytool -list -v -keystore <file> prints behind SHA256:", raw)
	case len(bytes) != sha256.Size:
		return "", configErrorf("app_link android: %q has %d bytes, and a SHA-256 fingerprint 32; copy the whole of what keytool -list -v -keystore <file> prints behind SHA256:", raw, len(bytes))
	}
	return strings.ReplaceAll(fmt.Sprintf("% X", bytes), " ", ":"), nil
}

// validateAppleFiles refuses paths that Apple would read as patterns: the app could then get more than its
// redirect URLs. It also refuses files that are too large for phones.
func (c Config) validateAppleFiles() error {
	if len(c.AppLinks.IOS) == 0 {
		return nil
	}
	for _, raw := range c.AppRedirectURLs {
		if u, err := url.Parse(raw); err != nil || !literalPath.MatchString(u.EscapedPath()) {
			return configErrorf("app_redirect_url: Apple could read the path of %q as a pattern; with app_link ios use letters, digits and - . _ ~ / alone", raw)
		}
	}
	for host, paths := range c.appLinkPaths() {
		if text, err := json.Marshal(c.AppLinks.association(paths)); err != nil || len(text) > maxAppleFile {
			return configErrorf("app_link ios: the file for %s is larger than the 128 KB that phones take; name fewer apps or app_redirect_url", host)
		}
	}
	return nil
}
