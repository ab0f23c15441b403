package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
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
