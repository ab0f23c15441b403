package attack_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
)

// rewriteRows are sites with a matcher that makes a part private, and with rewrites before it. ROOT stands for a folder
// with an index.html. Each row has requests that need a login, as the client sent them or as the rewrite made them, and
// one that needs none.
var rewriteRows = []struct {
	name, site string
	private    []string // method and target
	open       string
}{
	{
		"rewrite", "rewrite /private/* /front\n@in path /private /private/*\nitsme @in",
		[]string{"GET /private/x", "GET /Private/x", "GET /private/", "GET /%70rivate/x"},
		"GET /open",
	},
	{
		"rewrite into the private part", "rewrite /old/* /private/x\n@in path /private /private/*\nitsme @in",
		[]string{"GET /old/x", "GET /private/x"},
		"GET /open",
	},
	{
		"rewrite in front of a negated matcher", "rewrite * /open{uri}\n@in not path /open/*\nitsme @in",
		[]string{"GET /private", "GET /"},
		"GET /open/x",
	},
	{
		"uri strip_prefix", "uri strip_prefix /private\n@in path /private /private/*\nitsme @in",
		[]string{"GET /private/x", "GET /private", "GET /PRIVATE/x", "GET /private/private/x"},
		"GET /open",
	},
	{
		"uri strip_suffix", "uri strip_suffix .json\n@in path *.json\nitsme @in",
		[]string{"GET /x.json", "GET /x.JSON"},
		"GET /x",
	},
	{
		"uri replace", "uri replace /private/ /open/\n@in path /private /private/*\nitsme @in",
		[]string{"GET /private/x"},
		"GET /open/x",
	},
	{
		"uri path_regexp", "uri path_regexp ^/private /open\n@in path_regexp ^/private\nitsme @in",
		[]string{"GET /private/x", "GET /private"},
		"GET /open/x",
	},
	{
		"uri query", "uri query -admin\n@in query admin=*\nitsme @in",
		[]string{"GET /?admin=1", "GET /x?a=b&admin="},
		"GET /?a=b",
	},
	{
		"try_files", "root * ROOT\ntry_files {path} /index.html\n@in path /private /private/*\nitsme @in",
		[]string{"GET /private/x", "GET /private"},
		"GET /open",
	},
	{
		"method", "method GET\n@in method POST DELETE\nitsme @in",
		[]string{"POST /", "DELETE /x"},
		"GET /",
	},
	{
		"method and path", "rewrite /private/* /front\nmethod GET\n@in {\nmethod POST\npath /private/*\n}\nitsme @in",
		[]string{"POST /private/x"},
		"GET /private/x",
	},
	{
		"handle_path", "handle_path /private/* {\n@in path /private /private/*\nitsme @in\nreverse_proxy UPSTREAM\n}",
		[]string{"GET /private/x"},
		"GET /open",
	},
	{
		"handle", "handle /private/* {\nrewrite * /front\n@in path /private /private/*\nitsme @in\nreverse_proxy UPSTREAM\n}",
		[]string{"GET /private/x"},
		"GET /open",
	},
	{
		"two rewrites", "route {\nrewrite /private/* /between\nrewrite /between /front\n@in path /private /private/*\nitsme @in\n}",
		[]string{"GET /private/x"},
		"GET /between",
	},
	{
		"expression", "rewrite /private/* /front\n@in expression `{path}.startsWith(\"/private/\")`\nitsme @in",
		[]string{"GET /private/x"},
		"GET /open",
	},
	{
		"expression with a path", "rewrite /private/* /front\n@in expression `path(\"/private/*\") && method(\"GET\")`\nitsme @in",
		[]string{"GET /private/x"},
		"GET /open",
	},
	{
		"vars with a placeholder", "rewrite /private/* /front\n@in vars {http.request.uri} /private/x?y=z\nitsme @in",
		[]string{"GET /private/x?y=z"},
		"GET /private/x",
	},
	{
		"vars_regexp with a placeholder", "rewrite /private/* /front\n@in vars_regexp {http.request.uri.path.0} ^private$\nitsme @in",
		[]string{"GET /private/x"},
		"GET /open",
	},
	{
		"a var", "vars part {http.request.uri.path.0}\nrewrite /private/* /front\n@in vars part private\nitsme @in",
		[]string{"GET /private/x"},
		"GET /open",
	},
	{
		"a placeholder of another handler", "map {host} {part} {\ndefault private\n}\nrewrite /private/* /front\n@in {\nvars {part} private\npath /private/*\n}\nitsme @in",
		[]string{"GET /private/x"},
		"GET /open",
	},
	{
		"file", "root * ROOT\nrewrite /private.html /gone\n@in file {path}\nitsme @in",
		[]string{"GET /private.html", "GET /index.html"},
		"GET /gone",
	},
}

// TestRewriteIsNoWayAroundTheMatcher asks for a private path on sites that rewrite it, before itsme, into a
// path that the matcher leaves out. The upstream would serve the private page: it gets the original path in a
// header or as REQUEST_URI, or the rewrite names the page.
func TestRewriteIsNoWayAroundTheMatcher(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"index.html", "private.html"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var sites strings.Builder
	for i, row := range rewriteRows {
		sites.WriteString("http://" + rewriteHost(i) + ":65000 {\n" + row.site + "\nreverse_proxy UPSTREAM\n}\n")
	}
	e := newAppEnv(t, strings.ReplaceAll(sites.String(), "ROOT", root))
	for i, row := range rewriteRows {
		t.Run(row.name, func(t *testing.T) {
			for _, request := range row.private {
				if answer, received := e.get(rewriteHost(i), request); answer.Status != http.StatusUnauthorized || received != "" {
					t.Errorf("%s without a login: %d, the upstream got %q", request, answer.Status, received)
				}
				if answer, received := e.get(rewriteHost(i), request, e.bearer(nil)); answer.Status != http.StatusOK || received == "" {
					t.Errorf("%s with a login: %d, the upstream got %q", request, answer.Status, received)
				}
			}
			if answer, received := e.get(rewriteHost(i), row.open); answer.Status != http.StatusOK || received == "" {
				t.Errorf("%s without a login: %d, the upstream got %q", row.open, answer.Status, received)
			}
		})
	}
}

func rewriteHost(row int) string { return "r" + string(rune('a'+row)) + ".example.be" }

// get sends a request, given as method and target, and returns what the upstream got.
func (e *env) get(host, request string, lines ...string) (rawhttptest.Answer, string) {
	e.t.Helper()
	method, target, _ := strings.Cut(request, " ")
	lines = append(lines, "Content-Length: 0\r\n")
	answer := e.send(head(method, target, host, lines...) + "\r\n")
	return answer, strings.Join(e.upstream.Take(), "")
}

// TestOriginalPathIsOutsideByEveryReading asks a site that rewrites every path to one page and passes the
// original path on. The current path is harmless. Caddy reads the original one as outside the private part,
// the upstream as inside.
func TestOriginalPathIsOutsideByEveryReading(t *testing.T) {
	e := newAppEnv(t, `http://:65000 {
		rewrite * /front
		@in path /private /private/*
		itsme @in
		reverse_proxy UPSTREAM {
			header_up X-Original-Uri {http.request.orig_uri}
		}
	}`)
	for _, target := range []string{
		"/index.php/private/x", "/a/..%2fprivate/x", "/%252e%252e/private", "/private;/x", "/;/private", `/a\..\private`, "/private./x", "/private::$DATA", "/PRIVAT~1/x",
		"/a/..%c0%afprivate", "/a/..%e0%80%afprivate", "/a/..%f0%80%80%afprivate", "//open", "/private%20/x",
	} {
		if answer, received := e.get(appHost, "GET "+target); answer.Status != http.StatusUnauthorized || received != "" {
			t.Errorf("%q: %d, the upstream got %q", target, answer.Status, received)
		}
	}
	if answer, received := e.get(appHost, "GET /open"); answer.Status != http.StatusOK || !strings.Contains(received, "X-Original-Uri: /open\r\n") {
		t.Errorf("/open: %d, the upstream got %q", answer.Status, received)
	}
}

// TestCurrentPathIsOutsideByEveryReading asks a site that builds its path from a parameter. The path of the
// client is harmless. Caddy reads the rewritten one as outside the private part, the upstream as inside.
func TestCurrentPathIsOutsideByEveryReading(t *testing.T) {
	e := newAppEnv(t, `http://:65000 {
		rewrite /go /{http.request.uri.query.to}
		@in path /private /private/*
		itsme @in
		reverse_proxy UPSTREAM
	}`)
	for _, to := range []string{"index.php/private/x", "a%3b/private", "private./x", "private::$DATA", "PRIVAT~1/x", "%3b/private", "private%20"} {
		if answer, received := e.get(appHost, "GET /go?to="+to); answer.Status != http.StatusUnauthorized || received != "" {
			t.Errorf("%q: %d, the upstream got %q", to, answer.Status, received)
		}
	}
	if answer, received := e.get(appHost, "GET /go?to=open"); answer.Status != http.StatusOK || !strings.HasPrefix(received, "GET /open?to=open ") {
		t.Errorf("open: %d, the upstream got %q", answer.Status, received)
	}
}
