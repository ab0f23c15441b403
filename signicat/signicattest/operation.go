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

// request is a call of the API whose body has been read.
type request struct {
	*http.Request
	body []byte
}

// operation is one call of the API.
type operation struct {
	name, path, method string
	query              []string // the parameters that it takes
	answer             func(*Server, *request) answer
}

func operations() []operation {
	account, organization := "signicat-accountId", "signicat-organizationId"
	return []operation{
		{OperationAccessToken, "/auth/open/connect/token", http.MethodPost, nil, (*Server).accessToken},
		{OperationCreateSession, "/auth/rest/sessions", http.MethodPost, []string{account, organization}, (*Server).createSession},
		{OperationReadSession, "/auth/rest/sessions/{id}", http.MethodGet, []string{account, organization, "sessionNonce"}, (*Server).readSession},
		{OperationCancelSession, "/auth/rest/sessions/{id}/cancel", http.MethodPost, []string{account, organization}, (*Server).cancelSession},
		{OperationValidateCode, tokenRequestPath, http.MethodPost, []string{account, organization}, (*Server).validateCode},
		{OperationUnknown, "/", "", nil, (*Server).unknownPath},
	}
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, o := range operations() {
		mux.Handle(o.path, s.serveOperation(o))
	}
	mux.HandleFunc("GET "+authorizationPath, s.phonePage)
	mux.HandleFunc("POST "+authorizationPath, s.phoneAnswer)
	mux.HandleFunc(authorizationPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", "GET, HEAD, POST")
		showPhone(w, http.StatusMethodNotAllowed, phoneView{Problem: "the method is GET"})
	})
	return mux
}

// serveOperation counts and records every call, lets a scripted fault take its place or spoil its answer, and is the
// only place that writes to the wire.
func (s *Server) serveOperation(o operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBody))
		call, fault := s.begin(o.name, r, body)
		if fault.Cut == CutGoAway {
			w.Header().Set("Connection", "close") // with which net/http's server says GOAWAY
		}
		if !fault.After {
			s.wait(r, fault.Delay)
		}
		var a answer
		if fault.After || !fault.spoils() {
			a = s.check(o, &request{r, body}, err)
			s.processed(call, a)
		}
		if fault.After {
			s.wait(r, fault.Delay)
		}
		if !fault.spoils() {
			s.answering(call, a.status)
			a.write(w)
			return
		}
		if !fault.After || fault.Status >= http.StatusBadRequest {
			a = s.stock(o.name, fault)
		}
		s.answering(call, fault.status())
		s.write(fault, w, r, a)
	})
}

// check refuses what no operation takes, then performs the operation.
func (s *Server) check(o operation, r *request, bodyErr error) answer {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(bodyErr, &tooLarge):
		return s.refuse(http.StatusRequestEntityTooLarge, "request_too_large", "the body is over 64 KiB")
	case bodyErr != nil:
		return s.refuse(http.StatusBadRequest, "invalid_request_parameter", "the body could not be read")
	case o.method != "" && r.Method != o.method:
		a := s.refuse(http.StatusMethodNotAllowed, "method_not_allowed", "the method is "+o.method)
		a.header.Set("Allow", o.method)
		return a
	}
	if wrong := wrongQuery(r.Request, o.query); o.name != OperationUnknown && len(wrong) > 0 {
		return s.refuse(http.StatusBadRequest, "invalid_request_parameter", "the query is wrong", wrong...)
	}
	return o.answer(s, r)
}

func (s *Server) unknownPath(*request) answer {
	return s.refuse(http.StatusNotFound, "not_found", "the API has no such path")
}

// wrongQuery lists the query parameters that are unknown, or stand twice.
func wrongQuery(r *http.Request, known []string) (wrong []invalidParam) {
	for name, values := range r.URL.Query() {
		if !slices.Contains(known, name) {
			wrong = append(wrong, invalidParam{name, "unknown query parameter"})
		} else if len(values) > 1 {
			wrong = append(wrong, invalidParam{name, "stands twice"})
		}
	}
	slices.SortFunc(wrong, func(a, b invalidParam) int { return strings.Compare(a.Name, b.Name) })
	return wrong
}

// hasMediaType compares without parameters and case.
func hasMediaType(r *request, want string) bool {
	got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && got == want
}

// wait does not return when the caller goes away, or the simulator closes: nothing is performed or answered then.
func (s *Server) wait(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return
	case <-r.Context().Done():
	case <-s.closed:
	}
	panic(http.ErrAbortHandler)
}
