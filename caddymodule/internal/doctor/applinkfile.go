package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// appleFile is an apple-app-site-association in its current form, and in the form of iOS 12.
// Source: https://developer.apple.com/documentation/bundleresources/applinks.
type appleFile struct {
	AppLinks struct {
		Details []appleDetail `json:"details"`
	} `json:"applinks"`
}

type appleDetail struct {
	AppIDs     []string         `json:"appIDs"`
	AppID      string           `json:"appID"`
	Components []appleComponent `json:"components"`
	Paths      []string         `json:"paths"`
}

type appleComponent struct {
	Path     *string         `json:"/"`
	Query    json.RawMessage `json:"?"`
	Fragment *string         `json:"#"`
	Exclude  bool            `json:"exclude"`
}

// checkAppleFile returns an error unless phones open every path in each app.
func checkAppleFile(body []byte, apps, paths []string) error {
	var file appleFile
	if err := json.Unmarshal(body, &file); err != nil {
		return errors.New("has not the form of an apple-app-site-association")
	}
	for _, app := range apps {
		named := false
		opens := make(map[string]bool)
		for _, detail := range file.AppLinks.Details {
			if detail.AppID != app && !slices.Contains(detail.AppIDs, app) {
				continue
			}
			named = true
			for _, path := range paths {
				opens[path] = opens[path] || detail.opens(path)
			}
		}
		if !named {
			return fmt.Errorf("does not name %s", app)
		}
		for _, path := range paths {
			if !opens[path] {
				return fmt.Errorf("does not let %s open %s, the path of app_redirect_url", app, path)
			}
		}
	}
	return nil
}

// opens reports whether the first pattern that matches a path includes it. The URL that itsme opens has a
// query and no fragment.
func (d appleDetail) opens(path string) bool {
	for _, c := range d.Components {
		fragment := c.Fragment != nil && strings.Trim(*c.Fragment, "*") != ""
		query := len(c.Query) > 0 && string(c.Query) != `"*"` && string(c.Query) != `"?*"`
		if fragment || query || c.Path != nil && !appleMatches(*c.Path, path) {
			continue
		}
		return !c.Exclude
	}
	for _, pattern := range d.Paths {
		excluded, found := strings.CutPrefix(pattern, "NOT ")
		if appleMatches(excluded, path) {
			return !found
		}
	}
	return false
}

// appleMatches reports whether a pattern matches a path: * stands for any characters, ? for one.
func appleMatches(pattern, path string) bool {
	quoted := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	matcher, err := regexp.Compile("^" + quoted + "$")
	return err == nil && matcher.MatchString(path)
}

// checkAndroidFile returns an error unless the file lets every app, with every certificate, open the host's URLs.
// The paths are in the app's manifest.
func checkAndroidFile(body []byte, apps []gateway.AndroidApp) error {
	var statements []struct {
		Relation []string `json:"relation"`
		Target   struct {
			Package      string   `json:"package_name"`
			Fingerprints []string `json:"sha256_cert_fingerprints"`
		} `json:"target"`
	}
	if err := json.Unmarshal(body, &statements); err != nil {
		return errors.New("has not the form of an assetlinks.json")
	}
	for _, app := range apps {
		var named []string
		found := false
		for _, s := range statements {
			if s.Target.Package == app.Package && slices.Contains(s.Relation, "delegate_permission/common.handle_all_urls") {
				found, named = true, append(named, s.Target.Fingerprints...)
			}
		}
		if !found {
			return fmt.Errorf("does not name %s", app.Package)
		}
		for _, fingerprint := range app.Fingerprints {
			if !slices.ContainsFunc(named, func(other string) bool { return sameFingerprint(other, fingerprint) }) {
				return fmt.Errorf("names %s without the certificate %s", app.Package, fingerprint)
			}
		}
	}
	return nil
}

func sameFingerprint(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, ":", ""), strings.ReplaceAll(b, ":", ""))
}
