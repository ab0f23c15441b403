package signicattest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Bounds of the record of calls. The counters go on beyond them.
const (
	maxCalls    = 10_000
	maxCallBody = 4 << 10
)

// Call is one recorded call of the API. Credentials are left out of it: an Authorization header keeps its scheme
// alone, and a form keeps client_secret as a mark.
type Call struct {
	Operation string          `json:"operation"`
	Number    int             `json:"number"` // the first call of the operation is 1
	Time      time.Time       `json:"time"`
	Method    string          `json:"method"`
	Path      string          `json:"path"`
	Query     url.Values      `json:"query,omitempty"`
	Header    http.Header     `json:"header,omitempty"` // those that [RecordedHeaders] lists
	Form      url.Values      `json:"form,omitempty"`
	Body      json.RawMessage `json:"body,omitempty"` // a JSON body of at most 4 KiB

	// Processed is the status that the operation ended with; 0 when a fault stood in its place.
	Processed int `json:"processed"`

	// Status is what was sent; 0 when nothing was, because the connection was cut or the caller went away first.
	Status int `json:"status"`

	// Problem tells why the operation refused the request. Empty: it did not.
	Problem string `json:"problem,omitempty"`
}

// RecordedHeaders lists the request headers that a [Call] keeps. It is the caller's own copy.
func RecordedHeaders() []string {
	return []string{
		"Accept", "Authorization", "Content-Type", "Signicat-Accountid", "Signicat-Organizationid",
		"Traceparent", "Tracestate", "Baggage", "User-Agent", "X-Forwarded-For",
	}
}

// ledger counts all calls and remembers the last ones.
type ledger struct {
	counts map[string]int
	calls  []*Call // a ring once it is full
	next   int
}

func newLedger() ledger { return ledger{counts: map[string]int{}} }

// Calls are the last 10,000 calls of the API, the oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var calls []Call
	l := &s.ledger
	for _, c := range slices.Concat(l.calls[l.next:], l.calls[:l.next]) {
		calls = append(calls, *c)
	}
	return calls
}

// Count is how many calls of the operation came in, faults and refusals included, since the start or the last
// [Server.Reset].
func (s *Server) Count(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.counts[operation]
}

// Counts is [Server.Count] of every operation that was called.
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.ledger.counts)
}

// begin records a call and takes the fault that is scripted for it; the zero fault is none.
func (s *Server) begin(operation string, r *http.Request, body []byte) (*Call, Fault) {
	c := newCall(operation, r, body)
	c.Time = s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ledger.add(c)
	return c, s.script.take(operation)
}

// processed records how the operation ended.
func (s *Server) processed(c *Call, a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Processed, c.Problem = a.status, a.problem
}

// answering records what is about to be sent, so that a caller who has the answer finds it recorded.
func (s *Server) answering(c *Call, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Status = status
}

func (l *ledger) add(c *Call) {
	l.counts[c.Operation]++
	c.Number = l.counts[c.Operation]
	if len(l.calls) < maxCalls {
		l.calls = append(l.calls, c)
		return
	}
	l.calls[l.next] = c
	l.next = (l.next + 1) % maxCalls
}

func newCall(operation string, r *http.Request, body []byte) *Call {
	c := &Call{Operation: operation, Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Header: http.Header{}}
	for _, name := range RecordedHeaders() {
		if values := r.Header[name]; len(values) > 0 {
			c.Header[name] = values
		}
	}
	if scheme, _, ok := strings.Cut(c.Header.Get("Authorization"), " "); ok {
		c.Header["Authorization"] = []string{scheme}
	}
	switch {
	case len(body) == 0 || len(body) > maxCallBody:
	case operation == OperationAccessToken:
		c.Form, _ = url.ParseQuery(string(body)) // what is malformed is refused, not recorded
		if c.Form.Has("client_secret") {
			c.Form["client_secret"] = []string{"(left out)"}
		}
	case json.Valid(body):
		c.Body = body
	}
	return c
}
