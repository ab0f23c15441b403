package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// maxAppleFile is the size, in bytes, above which phones do not read an association file.
// Source: https://developer.apple.com/documentation/xcode/supporting-associated-domains.
const maxAppleFile = 128 << 10

// appLinkFile is a file that phones fetch, with the apps that it must name.
type appLinkFile struct {
	path string
	apps []string
}

// appLinkFiles returns the files for the gateway's app_link. A file may name other apps of the host too.
func appLinkFiles(links gateway.AppLinkConfig) (files []appLinkFile) {
	if len(links.IOS) > 0 {
		files = append(files, appLinkFile{"/.well-known/apple-app-site-association", links.IOS})
	}
	if len(links.Android) > 0 {
		packages := make([]string, len(links.Android))
		for i, app := range links.Android {
			packages[i] = app.Package
		}
		files = append(files, appLinkFile{"/.well-known/assetlinks.json", packages})
	}
	return files
}

// checkAppLinks fetches the files from each host of the app redirect URLs, as phones do.
func (d *doctor) checkAppLinks(ctx context.Context, g *Gateway) (all []Finding) {
	for _, origin := range origins(g.Config.AppRedirectURLs) {
		for _, file := range appLinkFiles(g.Config.AppLinks) {
			all = append(all, d.checkAppLink(ctx, origin+file.path, file.apps))
		}
	}
	return all
}

func (d *doctor) checkAppLink(ctx context.Context, at string, apps []string) Finding {
	answer, err := d.fetch.get(ctx, at)
	switch {
	case err != nil:
		return find(appLinkMissing, "%s: %v", at, err)
	case answer.status != http.StatusOK:
		return find(appLinkMissing, "%s answers with status %d", at, answer.status)
	case answer.mediaType != "application/json":
		return find(appLinkMissing, "%s has the media type %q, not application/json", at, answer.mediaType)
	case len(answer.body) > maxAppleFile || !json.Valid(answer.body):
		return find(appLinkMissing, "%s is not JSON, or is longer than %d bytes", at, maxAppleFile)
	}
	for _, app := range apps {
		if !bytes.Contains(answer.body, []byte(strconv.Quote(app))) {
			return find(appLinkMissing, "%s does not name %s", at, app)
		}
	}
	return find(appLinkServed, "%s names the apps of app_link", at)
}
