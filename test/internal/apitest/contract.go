package apitest

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/helpers"
	"github.com/pb33f/libopenapi-validator/paths"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/pb33f/libopenapi/orderedmap"
)

// contract is an OpenAPI document that exchanges are compared with.
type contract struct {
	document  *v3.Document
	validator validator.Validator
	paths     *config.ValidationOptions // with the compiled patterns of the document's paths
	known     *verdicts
}

func mustRead(text string) contract {
	parsed, err := libopenapi.NewDocument([]byte(text))
	if err != nil {
		panic("apitest: reading the document: " + err.Error())
	}
	model, err := parsed.BuildV3Model()
	if err != nil {
		panic("apitest: building the document's model: " + err.Error())
	}
	options := &config.ValidationOptions{RegexCache: new(sync.Map)}
	v := validator.NewValidatorFromV3Model(&model.Model,
		config.WithFormatAssertions(),
		config.WithURLEncodedBodyValidation(),
		config.WithRegexCache(options.RegexCache),
		// The gateway refuses a request without its credential. The names of the cookies depend on the
		// configuration.
		config.WithoutSecurityValidation(),
	)
	v.SetDocument(parsed)
	return contract{document: &model.Model, validator: v, paths: options, known: new(verdicts)}
}

// nowhere is a path of the document that answers as an unknown path does: 404, or 405 to a method that no endpoint has.
const nowhere = "/problems/nosuch"

// callback is the path of the document whose 404 a URL gets that is almost a redirect URL.
const callback = "/callback"

// violations returns every part of an exchange that the document does not describe.
func (c contract) violations(e Exchange) []string {
	method, path := target(e)
	if path == "" && method == "" {
		return nil
	}
	asked := at(e, method, path)
	item, _, _ := paths.FindPath(asked, c.document, c.paths)
	switch {
	case item == nil && strings.Contains(strings.ToLower(path), callback):
		return c.answer(e, at(e, http.MethodGet, callback))
	case item == nil && e.Status != http.StatusNotFound && e.Status != http.StatusMethodNotAllowed:
		return []string{fmt.Sprintf("the path is not there, but is answered with %d", e.Status)}
	case item == nil:
		return c.answer(e, at(e, http.MethodGet, nowhere))
	}
	operation, documented := operationOf(item, method)
	if !documented && e.Status != http.StatusMethodNotAllowed {
		return []string{fmt.Sprintf("the method is not there, but is answered with %d", e.Status)}
	}
	found := c.answer(e, at(e, operation, path))
	if !documented {
		found = append(found, otherMethods(item, e.Header.Get("Allow"))...)
	}
	if e.Status < http.StatusBadRequest {
		found = append(found, c.request(e, at(e, operation, path))...)
	}
	return found
}

// operationOf returns the operation that describes a method. HEAD is described by GET. For a method that the
// path does not have, it returns another operation of the path: each describes 405.
func operationOf(item *v3.PathItem, method string) (operation string, documented bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for name := range item.GetOperations().KeysFromOldest() {
		operation = strings.ToUpper(name)
		if operation == method {
			return operation, true
		}
	}
	return operation, false
}

// otherMethods compares the methods in Allow with those of the document. The document has HEAD in no path.
func otherMethods(item *v3.PathItem, allow string) []string {
	allowed := slices.DeleteFunc(strings.Split(allow, ", "), func(method string) bool { return method == http.MethodHead })
	var documented []string
	for name := range item.GetOperations().KeysFromOldest() {
		documented = append(documented, strings.ToUpper(name))
	}
	slices.Sort(allowed)
	slices.Sort(documented)
	if slices.Equal(allowed, documented) {
		return nil
	}
	return []string{fmt.Sprintf("%q are allowed, there are %q", allowed, documented)}
}

// at returns the request as if it had been sent to another path with another method.
func at(e Exchange, method, path string) *http.Request {
	u := &url.URL{Path: path, RawQuery: e.Request.URL.RawQuery}
	if plain, err := url.PathUnescape(path); err == nil {
		u.Path, u.RawPath = plain, path
	}
	r := e.Request.Clone(e.Request.Context())
	r.Method, r.URL, r.Body = method, u, io.NopCloser(strings.NewReader(e.Sent))
	if e.Sent == "" {
		r.Body = http.NoBody
	}
	return r
}

// request returns what is wrong with a request that was served.
func (c contract) request(e Exchange, asked *http.Request) (found []string) {
	_, failed := c.validator.ValidateHttpRequestSync(asked)
	// The library looks for reserved characters in a form after it has decoded them.
	failed = slices.DeleteFunc(failed, func(f *errors.ValidationError) bool { return f.ValidationSubType == helpers.ReservedValues })
	for _, text := range messages(failed) {
		found = append(found, fmt.Sprintf("the request is not allowed, but is answered with %d: %s", e.Status, text))
	}
	return found
}

// answer returns what is wrong with an answer.
func (c contract) answer(e Exchange, asked *http.Request) []string {
	item, failed, _ := paths.FindPath(asked, c.document, c.paths)
	if len(failed) > 0 {
		return messages(failed)
	}
	response := helpers.ExtractOperation(asked, item).Responses.Codes.GetOrZero(strconv.Itoa(e.Status))
	if response == nil {
		return []string{fmt.Sprintf("the status %d is not there", e.Status)}
	}
	found := undocumentedHeaders(response, e.Header)
	if orderedmap.Len(response.Content) == 0 && (e.Body != "" || e.Header.Get("Content-Type") != "") {
		found = append(found, fmt.Sprintf("a body of %q, which is not there", e.Header.Get("Content-Type")))
	}
	if e.Request.Method == http.MethodHead {
		return found // there is no body to compare
	}
	_, failed = c.validator.ValidateHttpResponse(asked, &http.Response{
		StatusCode: e.Status, Header: e.Header, Request: asked, Body: io.NopCloser(strings.NewReader(e.Body)),
	})
	return append(found, messages(failed)...)
}

// transport are headers of HTTP itself and of the server around the gateway.
var transport = []string{"Alt-Svc", "Connection", "Content-Length", "Content-Type", "Date", "Server"}

// undocumentedHeaders returns the headers of an answer that the document does not have.
func undocumentedHeaders(response *v3.Response, sent http.Header) (found []string) {
	for name := range sent {
		documented := slices.Contains(transport, name)
		for header := orderedmap.First(response.Headers); header != nil; header = header.Next() {
			documented = documented || strings.EqualFold(name, header.Key())
		}
		if !documented {
			found = append(found, "the header "+name+" is not there")
		}
	}
	slices.Sort(found)
	return found
}

// messages returns the texts of errors, without the schemas and objects that the library adds.
func messages(failed []*errors.ValidationError) (texts []string) {
	for _, f := range failed {
		text := f.Message + ": " + f.Reason
		for _, why := range f.SchemaValidationErrors {
			text += "; " + why.Reason
		}
		texts = append(texts, text)
	}
	return texts
}
