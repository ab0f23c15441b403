package signicattest

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The operations of the API, as [Server.Count], [Call] and [Fault] name them.
const (
	OperationAccessToken   = "access_token"
	OperationCreateSession = "create_session"
	OperationReadSession   = "read_session"
	OperationCancelSession = "cancel_session"
	OperationValidateCode  = "validate_code"

	// OperationUnknown is a request for a path that the API does not have.
	OperationUnknown = "unknown"
)

// maxRequestBody bounds what is read of a request.
const maxRequestBody = 64 << 10

// request is a call of the API with its body.
type request struct {
	*http.Request
	body []byte
}

// operation is one row of the API.
type operation struct {
	name, path, method string
	query              []string // the parameters that it takes
	authorized, json   bool     // it needs an access token; its body is JSON
	answer             func(*api, *request) answer
}

func operations() []operation {
	account, organization := "signicat-accountId", "signicat-organizationId"
	tenant := []string{account, organization}
	return []operation{
		{OperationAccessToken, "/auth/open/connect/token", http.MethodPost, nil, false, false, (*api).accessToken},
		{OperationCreateSession, "/auth/rest/sessions", http.MethodPost, tenant, true, true, (*api).createSession},
		{OperationReadSession, "/auth/rest/sessions/{id}", http.MethodGet, []string{account, organization, "sessionNonce"}, true, false, (*api).readSession},
		{OperationCancelSession, "/auth/rest/sessions/{id}/cancel", http.MethodPost, tenant, true, false, (*api).cancelSession},
		{OperationValidateCode, tokenRequestPath, http.MethodPost, tenant, true, true, (*api).validateCode},
		{OperationUnknown, "/", "", nil, false, false, (*api).unknownPath},
	}
}

// api serves the operations of Signicat's API.
type api struct {
	*account
	sessions *sessions
	calls    *calls
	tokens   *accessTokens
	closed   <-chan struct{}
}

// serve counts and records every call. A scripted fault replaces the operation or its answer. Nothing else writes to
// the wire.
func (a *api) serve(o operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBody))
		call, fault := a.calls.begin(o.name, r, body)
		if fault.Cut == CutGoAway {
			w.Header().Set("Connection", "close") // net/http's server then sends GOAWAY
		}
		if !fault.After {
			a.wait(r, fault.Delay)
		}
		var done answer
		if fault.After || !fault.spoils() {
			done = a.check(o, &request{r, body}, err)
			a.calls.processed(call, done)
		}
		if fault.After {
			a.wait(r, fault.Delay)
		}
		if !fault.spoils() {
			a.calls.answering(call, done.status)
			done.write(w)
			return
		}
		if !fault.After || fault.Status >= http.StatusBadRequest {
			done = a.unperformed(o.name, fault)
		}
		a.calls.answering(call, fault.status())
		a.writeFault(fault, w, r, done)
	})
}

// check refuses requests that no operation accepts, then performs the operation.
func (a *api) check(o operation, r *request, bodyErr error) answer {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(bodyErr, &tooLarge):
		return a.refuse(http.StatusRequestEntityTooLarge, "request_too_large", "the body is over 64 KiB")
	case bodyErr != nil:
		return a.refuse(http.StatusBadRequest, "invalid_request_parameter", "the body could not be read")
	case o.method != "" && r.Method != o.method:
		refused := a.refuse(http.StatusMethodNotAllowed, "method_not_allowed", "the method is "+o.method)
		refused.header.Set("Allow", o.method)
		return refused
	}
	if wrong := wrongQuery(r.Request, o.query); o.name != OperationUnknown && len(wrong) > 0 {
		return a.refuse(http.StatusBadRequest, "invalid_request_parameter", "the query is wrong", wrong...)
	}
	if o.authorized {
		if refused := a.authorize(r); refused != nil {
			return *refused
		}
	}
	if o.json && !hasMediaType(r, "application/json") {
		return a.refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "the content type is not application/json")
	}
	return o.answer(a, r)
}

func (a *api) unknownPath(*request) answer {
	return a.refuse(http.StatusNotFound, "not_found", "the API has no such path")
}

// wrongQuery returns the query parameters that are unknown or repeated.
func wrongQuery(r *http.Request, known []string) (wrong []invalidParam) {
	for name, values := range r.URL.Query() {
		if !slices.Contains(known, name) {
			wrong = append(wrong, invalidParam{name, "unknown query parameter"})
		} else if len(values) > 1 {
			wrong = append(wrong, invalidParam{name, "is repeated"})
		}
	}
	slices.SortFunc(wrong, func(a, b invalidParam) int { return strings.Compare(a.Name, b.Name) })
	return wrong
}

// hasMediaType reports whether the request has the media type, whatever its parameters and case.
func hasMediaType(r *request, want string) bool {
	got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && got == want
}

// wait waits for d. When the caller closes the connection or the simulator closes, it does not return: the operation is
// then neither performed nor answered.
func (a *api) wait(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
		return
	case <-r.Context().Done():
	case <-a.closed:
	}
	panic(http.ErrAbortHandler)
}
