package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/attribute"
)

// request is a request as the upstream shows it.
type request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	// Headers holds each header's values, joined as RFC 9110 section 5.3 allows.
	Headers map[string]string `json:"headers"`
}

// echo is the upstream. It knows nothing of Signicat, itsme or tokens. It shows the headers of the request,
// to browsers as a page and to other clients as JSON.
func echo(w http.ResponseWriter, r *http.Request) {
	shown := request{Method: r.Method, Path: r.URL.Path, Headers: map[string]string{"Host": r.Host}}
	for name, values := range r.Header {
		shown.Headers[name] = strings.Join(values, ", ")
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		writeEchoPage(w, shown)
		return
	}
	h.Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false) // for a reader in a terminal
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(shown) // an error means that the client closed the connection
}

//go:embed demo/echo.html
var echoText string

var echoPage = template.Must(template.New("echo").Parse(echoText))

// row is one header on the page.
type row struct{ Name, Value string }

func writeEchoPage(w http.ResponseWriter, shown request) {
	view := struct {
		request
		Person          string
		Identity, Other []row
	}{request: shown, Person: shown.person()}
	for name, value := range shown.Headers {
		if identity(name) {
			view.Identity = append(view.Identity, row{name, value})
		} else {
			view.Other = append(view.Other, row{name, value})
		}
	}
	byName := func(a, b row) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(view.Identity, byName)
	slices.SortFunc(view.Other, byName)
	var page bytes.Buffer
	if err := echoPage.Execute(&page, view); err != nil {
		http.Error(w, "the page could not be shown", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	_, _ = page.WriteTo(w) // an error means that the browser closed the connection
}

// identity reports whether a header is an identity header of the gateway.
func identity(name string) bool { return strings.HasPrefix(name, attribute.HeaderPrefix) }

// person returns the name in the headers, or the subject if there is no name, or nothing without a login. The
// gateway percent-encodes characters beyond ASCII.
func (r request) person() string {
	for _, name := range []string{"Name", "Subject"} {
		value := r.Headers[attribute.HeaderPrefix+name]
		if decoded, err := url.PathUnescape(value); err == nil && decoded != "" {
			return decoded
		}
	}
	return ""
}
