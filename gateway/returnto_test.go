package gateway

import (
	"net/url"
	"strings"
	"testing"

	whatwg "github.com/nlnwa/whatwg-url/url"
)

func TestReturnTo(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ sent, want string }{
		"nothing":                 {"", "/"},
		"the root":                {"/", "/"},
		"a page":                  {"/account", "/account"},
		"a query":                 {"/account?tab=2&next=https://evil.example//", "/account?tab=2&next=https://evil.example//"},
		"braces in a query":       {"/a?f={\"x\"}", "/"},
		"what browsers leave":     {"/a?f={x|y}^`z", "/a?f=%7Bx%7Cy%7D%5E%60z"},
		"a brace in a path":       {"/a{b}", "/"},
		"over 2 kB when encoded":  {"/?" + strings.Repeat("{", maxReturnTo/2), "/"},
		"an encoded letter":       {"/%C3%A9", "/%C3%A9"},
		"a parameter":             {"/a;b=c/d", "/a;b=c/d"},
		"a fragment":              {"/a#b", "/"},
		"another host":            {"//evil.example", "/"},
		"a backslash":             {`/\evil.example`, "/"},
		"an encoded slash, twice": {"/%252fevil.example", "/"},
		"an encoded slash, 3x":    {"/%25252fevil.example", "/"},
		"a dot segment, 3x":       {"/a/%25252e%25252e/b", "/"},
		"an own endpoint, 3x":     {"/%252569tsme/logout", "/"},
		"a dot segment":           {"/a/../b", "/"},
		"a dot segment, encoded":  {"/a/%2e%2E/b", "/"},
		"a tab, encoded":          {"/%09/evil.example", "/"},
		"a tab, encoded twice":    {"/%2509/evil.example", "/"},
		"a broken encoding":       {"/%zz", "/"},
		"a blank":                 {"/a b", "/"},
		"no slash":                {"account", "/"},
		"a whole URL":             {"https://app.example.be/a", "/"},
		"an own endpoint":         {"/itsme/logout", "/"},
		"the own path":            {"/itsme?a", "/"},
		"one like the own path":   {"/itsmes", "/itsmes"},
		"2 kB":                    {"/" + strings.Repeat("a", maxReturnTo-1), "/" + strings.Repeat("a", maxReturnTo-1)},
		"more than 2 kB":          {"/" + strings.Repeat("a", maxReturnTo), "/"},
	} {
		if got := returnTo(row.sent, DefaultPath); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

// FuzzReturnTo requests a page to return to. The browser must stay on the origin, by the parser of the URL
// Standard, which the gateway does not use. It must reach no endpoint of the gateway, also when the upstream
// decodes the path and redirects.
func FuzzReturnTo(f *testing.F) {
	for _, seed := range []string{
		"", "/", "/a?b=c#d", "//evil.example", `/\evil.example`, "/\t/evil.example", "https://evil.example", "/%2f/evil.example", "/%5cevil.example", "/%252f/evil.example",
		"/..//evil.example", "/%2e%2e//evil.example", "/.;//evil.example", "／／evil.example", "/@evil.example", "/itsme/logout", "/%69tsme/logout", "/x/../itsme/logout", "/a/b;c?d=//e",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		got := returnTo(sent, DefaultPath)
		path, query, found := strings.Cut(sent, "?")
		if got != sent && got != "/" && (!found || got != path+"?"+queryEscapes.Replace(query)) {
			t.Fatalf("%q became %q", sent, got)
		}
		if returnTo(got, DefaultPath) != got {
			t.Errorf("%q is let through once only", got)
		}
		path, _, _ = strings.Cut(got, "?")
		checkOrigin(t, sent, got)
		for range 2 {
			if decoded, err := url.PathUnescape(path); err == nil && !strings.ContainsAny(decoded, "?#") {
				path = decoded
				checkOrigin(t, sent, path)
			}
		}
	})
}

func checkOrigin(t *testing.T, sent, location string) {
	t.Helper()
	const origin = "https://app.example.be"
	u, err := whatwg.ParseRef(origin+DefaultPath+"/callback?code=c&state=s", location)
	if err != nil {
		t.Fatalf("%q leads to %q, which is no URL: %v", sent, location, err)
	}
	if u.Protocol() != "https:" || u.Host() != "app.example.be" || u.Username()+u.Password() != "" || strings.HasPrefix(u.Pathname(), "//") {
		t.Errorf("%q leads to %s", sent, u.Href(false))
	}
	if within(u.Pathname(), DefaultPath) {
		t.Errorf("%q leads to the own %s", sent, u.Pathname())
	}
}
