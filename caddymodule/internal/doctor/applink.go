package doctor

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// maxAppleFile is the size, in bytes, above which phones do not read an association file.
// Source: https://developer.apple.com/documentation/xcode/supporting-associated-domains.
const maxAppleFile = 128 << 10

// appLinkFile is a file that phones fetch, with what it must allow.
type appLinkFile struct {
	path  string
	check func(body []byte, paths []string) error // paths are those of the app redirect URLs
}

// appLinkFiles returns the files for the gateway's app_link. A file may name other apps of the host too.
func appLinkFiles(links gateway.AppLinkConfig) (files []appLinkFile) {
	if len(links.IOS) > 0 {
		files = append(files, appLinkFile{"/.well-known/apple-app-site-association", func(body []byte, paths []string) error {
			return checkAppleFile(body, links.IOS, paths)
		}})
	}
	if len(links.Android) > 0 {
		files = append(files, appLinkFile{"/.well-known/assetlinks.json", func(body []byte, _ []string) error {
			return checkAndroidFile(body, links.Android)
		}})
	}
	return files
}

// checkAppLinks fetches the files from each host of the app redirect URLs, as phones do.
func (d *doctor) checkAppLinks(ctx context.Context, g *Gateway) (all []Finding) {
	for _, origin := range origins(g.Config.AppRedirectURLs) {
		for _, file := range appLinkFiles(g.Config.AppLinks) {
			all = append(all, d.checkAppLink(ctx, origin, file, pathsOf(origin, g.Config.AppRedirectURLs)))
		}
	}
	return all
}

// pathsOf returns the paths of the URLs on an origin.
func pathsOf(origin string, urls []string) (paths []string) {
	for _, raw := range urls {
		if u, err := url.Parse(raw); err == nil && u.Scheme+"://"+u.Host == origin {
			paths = append(paths, u.EscapedPath())
		}
	}
	return paths
}

func (d *doctor) checkAppLink(ctx context.Context, origin string, file appLinkFile, paths []string) Finding {
	at := origin + file.path
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
	if err := file.check(answer.body, paths); err != nil {
		return find(appLinkMissing, "%s %v", at, err)
	}
	return find(appLinkServed, "%s names the apps of app_link, for the paths of app_redirect_url", at)
}
