package gateway

import (
	"maps"
	"net/url"
	"slices"
)

// AppLinkConfig names the apps that the phone hands the app redirect URLs to, instead of opening
// them in a browser. The zero value names none, and serves no file for them.
type AppLinkConfig struct {
	// IOS are apps by application identifier: the team ID, a dot, and the bundle ID, such as
	// A1B2C3D4E5.be.example.app. Empty serves no apple-app-site-association.
	// Source: https://developer.apple.com/documentation/xcode/supporting-associated-domains.
	IOS []string

	// Android are apps by package and certificate. Empty serves no assetlinks.json.
	// Source: https://developer.android.com/training/app-links/verify-android-applinks.
	Android []AndroidApp
}

// AndroidApp is an app on Android and who signed it.
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

// appleAssociation is Apple's applinks service in its current form, which iOS 13 and newer read.
// Source: https://developer.apple.com/documentation/bundleresources/applinks.
type appleAssociation struct {
	AppLinks appleLinks `json:"applinks"`
}

type appleLinks struct {
	Details []appleDetail `json:"details"`
}

type appleDetail struct {
	AppIDs     []string         `json:"appIDs"`
	Components []appleComponent `json:"components"`
}

// appleComponent matches a path and any query: an answer of itsme that nobody foresaw must reach
// the app, too.
type appleComponent struct {
	Path string `json:"/"`
}

// androidStatement is a statement of Digital Asset Links. It speaks for the whole host: which of
// its URLs the app opens is decided by the app's own manifest.
type androidStatement struct {
	Relation []string      `json:"relation"`
	Target   androidTarget `json:"target"`
}

type androidTarget struct {
	Namespace    string   `json:"namespace"`
	Package      string   `json:"package_name"`
	Fingerprints []string `json:"sha256_cert_fingerprints"`
}

// appLinkFiles returns the files that say to phones which app owns the app redirect URLs, by host and
// path. Each host speaks for its own URLs alone.
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

// appLinkPaths are the paths of the app redirect URLs by host. Without app links there are none.
func (c Config) appLinkPaths() map[string][]string {
	if len(c.AppLinks.IOS) == 0 && len(c.AppLinks.Android) == 0 {
		return nil
	}
	paths := make(map[string][]string)
	for _, raw := range c.AppRedirectURLs {
		if u, err := url.Parse(raw); err == nil {
			host := plainHost(u)
			paths[host] = append(paths[host], u.EscapedPath())
		}
	}
	return paths
}

// appLinkHosts are the hosts at whose root the files are.
func (c Config) appLinkHosts() []string { return slices.Sorted(maps.Keys(c.appLinkPaths())) }

func (l AppLinkConfig) association(paths []string) appleAssociation {
	components := make([]appleComponent, len(paths))
	for i, path := range paths {
		components[i].Path = path
	}
	return appleAssociation{appleLinks{[]appleDetail{{AppIDs: l.IOS, Components: components}}}}
}

func (l AppLinkConfig) statements() []androidStatement {
	statements := make([]androidStatement, len(l.Android))
	for i, app := range l.Android {
		fingerprints := make([]string, len(app.Fingerprints))
		for j, raw := range app.Fingerprints {
			fingerprints[j], _ = plainFingerprint(raw) // it was checked with the configuration
		}
		statements[i] = androidStatement{
			Relation: []string{"delegate_permission/common.handle_all_urls"},
			Target:   androidTarget{Namespace: "android_app", Package: app.Package, Fingerprints: fingerprints},
		}
	}
	return statements
}
