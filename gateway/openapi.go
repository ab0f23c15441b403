package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/docs"
)

// openAPIDocument holds the OpenAPI description of a gateway's endpoints.
type openAPIDocument struct{ text, etag string }

// newOpenAPI returns the description with this gateway's URL in the place of the example's.
func newOpenAPI(publicURL, path string) openAPIDocument {
	text := strings.NewReplacer(
		docs.ExamplePublicURL+docs.ExamplePath, publicURL+path,
		docs.ExamplePublicURL, publicURL,
		`default: "`+docs.ExamplePath, `default: "`+path,
	).Replace(docs.OpenAPI())
	sum := sha256.Sum256([]byte(text))
	return openAPIDocument{text: text, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:]) + `"`}
}

// serve answers /openapi.yaml. Of the configuration the document holds public_url and path, which every
// client knows.
func (d openAPIDocument) serve(x exchange) error {
	h := x.w.Header()
	h.Set("Cache-Control", metadataMaxAge)
	h.Set("Access-Control-Allow-Origin", "*")
	if serveUnchanged(x, d.etag) {
		return nil
	}
	h.Set("Content-Type", "application/yaml") // RFC 9512
	h.Set("Content-Length", strconv.Itoa(len(d.text)))
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(x.w, d.text) // fails when the client hung up
	return nil
}

// serveUnchanged sets the ETag of a document. It answers 304 and returns true when the client has that
// document.
func serveUnchanged(x exchange, etag string) bool {
	x.w.Header().Set("ETag", etag)
	if !matchesETag(x.r.Header["If-None-Match"], etag) {
		return false
	}
	x.w.WriteHeader(http.StatusNotModified)
	return true
}

// matchesETag reports whether the lines of If-None-Match hold a strong etag or the star. It compares weakly
// (RFC 9110 section 13.1.2), because a proxy that compresses a document makes its tag weak. A malformed list
// ends where it is malformed.
func matchesETag(lines []string, etag string) bool {
	list := strings.Join(lines, ",")
	if strings.Trim(list, " \t") == "*" {
		return true
	}
	for {
		list = strings.TrimPrefix(strings.TrimLeft(list, ", \t"), "W/")
		if !strings.HasPrefix(list, `"`) {
			return false
		}
		end := strings.IndexByte(list[1:], '"') + 2
		if end < 2 {
			return false
		}
		if list[:end] == etag {
			return true
		}
		list = strings.TrimLeft(list[end:], " \t")
		if !strings.HasPrefix(list, ",") {
			return false
		}
	}
}
