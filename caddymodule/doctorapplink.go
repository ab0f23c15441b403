package caddymodule

import (
	"context"
	"encoding/json"
	"net/http"
)

// appLinks are the apps that a gateway's app_link names.
type appLinks struct {
	IOS     []json.RawMessage `json:"ios"`
	Android []json.RawMessage `json:"android"`
}

// maxAppleFile is the size, in bytes, above which phones do not read an association file.
// Source: https://developer.apple.com/documentation/xcode/supporting-associated-domains.
const maxAppleFile = 128 << 10

// files are the paths at which phones look for what app_link says.
func (a appLinks) files() (paths []string) {
	if len(a.IOS) > 0 {
		paths = append(paths, "/.well-known/apple-app-site-association")
	}
	if len(a.Android) > 0 {
		paths = append(paths, "/.well-known/assetlinks.json")
	}
	return paths
}

// checkAppLinks asks each host of the apps' redirect URLs for the files, as phones do.
func (d *doctor) checkAppLinks(ctx context.Context, p *patient) (all []diagnosis) {
	for _, origin := range origins(p.config.AppRedirectURLs) {
		for _, path := range p.appLinks.files() {
			all = append(all, d.checkAppLink(ctx, origin+path))
		}
	}
	return all
}

func (d *doctor) checkAppLink(ctx context.Context, at string) diagnosis {
	answer, err := d.fetch.get(ctx, at)
	switch {
	case err != nil:
		return diagnose(appLinkMissing, "%s: %v", at, err)
	case answer.status != http.StatusOK:
		return diagnose(appLinkMissing, "%s answers %d", at, answer.status)
	case answer.mediaType != "application/json":
		return diagnose(appLinkMissing, "%s is %q", at, answer.mediaType)
	case len(answer.body) > maxAppleFile || !json.Valid(answer.body):
		return diagnose(appLinkMissing, "%s is no JSON of at most %d bytes", at, maxAppleFile)
	}
	return diagnose(appLinkServed, "%s is there", at)
}
