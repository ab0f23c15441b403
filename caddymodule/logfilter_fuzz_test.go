package caddymodule_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
)

// secretNames are what the filter below redacts, in the one form that CGI and its descendants give to
// every spelling of a name.
var secretNames = []string{"authorization", "proxy-authorization", "cookie", "set-cookie", "x-token"}

// isSecret reads a name apart from the filter.
func isSecret(name string) bool {
	folded := func(name string) string {
		return strings.Map(func(r rune) rune {
			switch {
			case r >= 'A' && r <= 'Z':
				return r - 'A' + 'a'
			case (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9'):
				return r
			}
			return '-'
		}, name)
	}
	return slices.ContainsFunc([]string{name, strings.TrimPrefix(name, "HTTP_")}, func(name string) bool {
		return strings.HasPrefix(folded(name), "x-itsme-") || slices.Contains(secretNames, folded(name))
	})
}

// FuzzLogFilter writes a header's name, in a request and in a CGI environment, and a URL. What is secret
// is in no log; all else is there as it was.
func FuzzLogFilter(f *testing.F) {
	for _, seed := range []struct{ name, uri string }{
		{"X-Itsme-Nin", "/itsme/callback?code=s3cret&state=s3cret"},
		{"x_itsme.nin", "/itsme/callback?c%6fde=s3cret"},
		{"HTTP_X_ITSME_NIN", "/cb?a=b;code=s3cret"},
		{"HTTP_COOKIE", "/cb?%zz&code=s3cret"},
		{"cookie", "/?q=code&x=1"},
		{"X-Token", "/x?state"},
		{"X-Tokens", "?code=s3cret"},
		{"X-Itsme", "/path;code=x"},
		{"Accept", "/a?b=c?code=d"},
		{"HTTP_HTTP_COOKIE", "/?Code=x"},
		{"uri", ""},
	} {
		f.Add(seed.name, seed.uri)
	}
	filter := newLogFilter(f, "itsme X-Token")
	f.Fuzz(func(t *testing.T, name, uri string) {
		for _, field := range []zap.Field{
			zap.Object("headers", caddyhttp.LoggableHTTPHeader{ShouldLogCredentials: true, Header: http.Header{name: {"s3cret"}}}),
			zap.Object("env", environment{name: "s3cret"}),
			zap.Object("deeper", nested{http.Header{name: {"s3cret"}}}),
		} {
			shown := strings.Contains(fmt.Sprint(logged(filter.Filter(field))), "s3cret")
			if name == "uri" {
				continue // its value is a URL
			}
			if shown == isSecret(name) {
				t.Errorf("%s of %s shown: %t", name, field.Key, shown)
			}
		}
		want := uri
		path, query, _ := strings.Cut(uri, "?")
		if values, err := url.ParseQuery(query); err != nil || values.Has("code") || values.Has("state") {
			want = path + "?REDACTED"
		}
		if got := logged(filter.Filter(zap.String("uri", uri))); got != want {
			t.Errorf("%q is logged as %q, want %q", uri, got, want)
		}
		if got := logged(filter.Filter(zap.Object("env", environment{"uri": uri}))).(map[string]any)["uri"]; got != want {
			t.Errorf("in an environment %q is logged as %q, want %q", uri, got, want)
		}
	})
}
