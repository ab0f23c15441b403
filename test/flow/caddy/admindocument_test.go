package caddy_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
)

// adminDocument reads docs/admin-openapi.yaml once.
var adminDocument = sync.OnceValues(func() (validator.Validator, error) {
	text, err := os.ReadFile("../../../docs/admin-openapi.yaml")
	if err != nil {
		return nil, err
	}
	document, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	model, err := document.BuildV3Model()
	if err != nil {
		return nil, err
	}
	v := validator.NewValidatorFromV3Model(&model.Model, config.WithFormatAssertions())
	v.SetDocument(document)
	return v, nil
})

// checkAdminDocument compares an exchange with the document: the answer always, and the request if it was
// served. A path or method that is not in the document must have been refused.
func checkAdminDocument(t *testing.T, r *http.Request, sent string, answer *http.Response, body []byte) {
	t.Helper()
	if !strings.HasPrefix(r.URL.Path, "/itsme/") {
		return
	}
	document, err := adminDocument()
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode == http.StatusNotFound && !strings.Contains(adminPaths, " "+r.URL.Path+" ") || answer.StatusCode == http.StatusMethodNotAllowed {
		return
	}
	asked := r.Clone(t.Context())
	if asked.URL.Path == "/itsme/" {
		asked.URL.Path = "/itsme/gateways" // the document says that both answer the same
	}
	asked.URL.Host, asked.Host, asked.Body = "localhost:2019", "localhost:2019", io.NopCloser(strings.NewReader(sent))
	ok, found := document.ValidateHttpResponse(asked, &http.Response{
		StatusCode: answer.StatusCode, Header: answer.Header, Request: asked, Body: io.NopCloser(bytes.NewReader(body)),
	})
	if !ok {
		for _, f := range found {
			t.Errorf("docs/admin-openapi.yaml on %s %s: %s: %s", r.Method, r.URL.Path, f.Message, f.Reason)
		}
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return
	}
	asked.Body = io.NopCloser(strings.NewReader(sent))
	if ok, found := document.ValidateHttpRequestSync(asked); !ok {
		for _, f := range found {
			t.Errorf("%s %s is served although docs/admin-openapi.yaml does not allow it: %s: %s", r.Method, r.URL.Path, f.Message, f.Reason)
		}
	}
}

// adminPaths are those that the document names.
const adminPaths = " /itsme/ /itsme/gateways /itsme/revoke /itsme/keys/rotate "

// TestAdminDocumentIsValid validates the document with OpenAPI's own schema.
func TestAdminDocumentIsValid(t *testing.T) {
	t.Parallel()
	document, err := adminDocument()
	if err != nil {
		t.Fatal(err)
	}
	if ok, found := document.ValidateDocument(); !ok {
		for _, f := range found {
			t.Errorf("%s: %s", f.Message, f.Reason)
		}
	}
}
