package signicattest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of the calls that are kept. The counters have no bound.
const (
	maxCalls    = 10_000
	maxCallBody = 4 << 10
)

// Call is one recorded call of the API. It has no credentials: of an Authorization header it has the scheme alone, and
// client_secret in a form is replaced.
type Call struct {
	Operation string          `json:"operation"`
	Number    int             `json:"number"` // the first call of the operation is 1
	Time      time.Time       `json:"time"`
	Method    string          `json:"method"`
	Path      string          `json:"path"`
	Query     url.Values      `json:"query,omitempty"`
	Header    http.Header     `json:"header,omitempty"` // such as Authorization, Content-Type and Traceparent
	Form      url.Values      `json:"form,omitempty"`
	Body      json.RawMessage `json:"body,omitempty"` // a JSON body of at most 4 KiB

	// Processed is the status of the operation; 0 when a fault took its place.
	Processed int `json:"processed"`

	// Status is the status that was sent; 0 when none was, because the connection was cut or the caller closed it.
	Status int `json:"status"`

	// Problem is the reason why the operation refused the request. Empty when it did not.
	Problem string `json:"problem,omitempty"`
}

// recordedHeaders are the request headers that a [Call] has.
var recordedHeaders = []string{
	"Accept", "Authorization", "Content-Type", "Signicat-Accountid", "Signicat-Organizationid",
	"Traceparent", "Tracestate", "Baggage", "User-Agent", "X-Forwarded-For",
}

// calls records the calls of the API: it counts all, and keeps the last ones. It has the faults that are still to come.
type calls struct {
	now func() time.Time

	mu     sync.Mutex
	counts map[string]int
	last   []*Call
	script script
}

func newCalls(now func() time.Time) *calls { return &calls{now: now, counts: map[string]int{}} }

// Calls returns the last 10,000 calls of the API, the oldest first.
func (c *calls) Calls() (all []Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, recorded := range c.last {
		all = append(all, *recorded)
	}
	return all
}

// Count returns the number of calls of the operation since the start or the last [Server.Reset]. Faults and refusals
// count.
func (c *calls) Count(operation string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[operation]
}

// Counts returns [Server.Count] of every operation that was called.
func (c *calls) Counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

// Script adds faults. When several are due at one call, the first of them happens. It fails with [ErrFault], and then
// adds none.
func (c *calls) Script(faults ...Fault) error {
	for _, f := range faults {
		if err := f.validate(); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.script = slices.DeleteFunc(c.script, (*scripted).spent)
	for _, f := range faults {
		c.script = append(c.script, &scripted{Fault: f})
	}
	return nil
}

// ClearScript drops every fault that is still to come.
func (c *calls) ClearScript() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.script = nil
}

func (c *calls) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts, c.last, c.script = map[string]int{}, nil, nil
}

// begin records a call and returns the fault that is due for it, or the zero fault.
func (c *calls) begin(operation string, r *http.Request, body []byte) (*Call, Fault) {
	begun := newCall(operation, r, body)
	begun.Time = c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(begun)
	return begun, c.script.take(operation)
}

// add keeps a call. The caller holds the mutex.
func (c *calls) add(begun *Call) {
	c.counts[begun.Operation]++
	begun.Number = c.counts[begun.Operation]
	if len(c.last) == maxCalls {
		c.last = c.last[1:]
	}
	c.last = append(c.last, begun)
}

// processed records the result of the operation.
func (c *calls) processed(call *Call, a answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	call.Processed, call.Problem = a.status, a.problem
}

// answering records the status before it is sent, so that a caller who has the answer finds it recorded.
func (c *calls) answering(call *Call, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	call.Status = status
}

func newCall(operation string, r *http.Request, body []byte) *Call {
	c := &Call{Operation: operation, Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Header: http.Header{}}
	for _, name := range recordedHeaders {
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
		c.Form, _ = url.ParseQuery(string(body)) // a malformed form is refused
		if c.Form.Has("client_secret") {
			c.Form["client_secret"] = []string{"(left out)"}
		}
	case json.Valid(body):
		c.Body = body
	}
	return c
}
