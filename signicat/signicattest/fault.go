package signicattest

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The bodies that a [Fault] can send in place of the true one.
const (
	BodyTruncated   = "truncated"    // half of the JSON, in a complete answer
	BodyHuge        = "huge"         // 5 MB of well-formed JSON
	BodyHTML        = "html"         // a page, as a proxy in front of the API would send it
	BodyArray       = "array"        // a JSON array in place of an object
	BodyEmptyObject = "empty_object" // {}
	BodyEmpty       = "empty"        // nothing
)

// The ways in which a [Fault] can break the connection. Over HTTP/2 the first two reset the call's stream (RST_STREAM).
// The others concern all calls that share the connection.
const (
	CutBeforeHeaders = "before_headers" // before the answer
	CutMidBody       = "mid_body"       // in the middle of its body
	CutConnection    = "connection"     // before the answer, with every other call on the connection
	CutSilence       = "silence"        // the connection stays open and carries no more bytes, in either direction
	CutGoAway        = "goaway"         // the true answer comes; GOAWAY, or Connection: close, asks for another connection
)

var cuts = []string{"", CutBeforeHeaders, CutMidBody, CutConnection, CutSilence, CutGoAway}

// hugeBody is the size of [BodyHuge].
const hugeBody = 5 << 20

// ErrFault is returned when a [Fault] has an invalid field. The text names the field.
var ErrFault = errors.New("unusable fault")

// Fault makes some calls of one operation fail.
//
// Without After the fault replaces the operation: no session is created, no code is used. With After the operation is
// performed and its answer is lost: the code is used, and the caller does not know. A fault with Delay or [CutGoAway]
// alone sends the true answer.
//
// Go's http.Transport repeats a GET when a reused connection is cut without an answer, as with [CutBeforeHeaders] over
// HTTP/1.1. Such a read is counted twice.
type Fault struct {
	// Operation is one of the Operation constants. Required.
	Operation string `json:"operation"`

	// Call is the first call that fails: 1 is the operation's next one. Zero: the next one too, and Times decides.
	Call int `json:"call"`

	// Times is how many calls in a row fail. Zero: the one that Call names, or every call when Call is zero too.
	Times int `json:"times"`

	// After performs the operation before its answer is lost.
	After bool `json:"after"`

	// Delay is the wait before the operation; with After before the answer. It ends when the caller closes the connection
	// or the simulator closes. Without After the operation is then not performed.
	Delay time.Duration `json:"-"` // delay_ms in the management API

	// Status is the status of the answer, with Signicat's body for it. Zero: 302 with Redirect, else 200.
	Status int `json:"status"`

	// RetryAfter is the header Retry-After, unchecked. It needs a Status.
	RetryAfter string `json:"retry_after"`

	// Redirect is the header Location.
	Redirect string `json:"redirect"`

	// Body is one of the Body constants. Empty: the body that belongs to the answer.
	Body string `json:"body"`

	// Cut is one of the Cut constants. Without [Server.HTTPServer] the simulator has no connection to close or silence:
	// [CutConnection] then works as [CutBeforeHeaders], and [CutSilence] sends no answer.
	Cut string `json:"cut"`
}

// validate fails with [ErrFault].
func (f Fault) validate() error {
	bodies := []string{"", BodyTruncated, BodyHuge, BodyHTML, BodyArray, BodyEmptyObject, BodyEmpty}
	known := func(o operation) bool { return o.name == f.Operation }
	for _, rule := range []struct {
		wrong bool
		field string
	}{
		{!slices.ContainsFunc(operations(), known), "Operation"},
		{f.Call < 0, "Call"},
		{f.Times < 0, "Times"},
		{f.Delay < 0, "Delay"},
		{f.Status != 0 && (f.Status < 200 || f.Status > 599), "Status"},
		{f.RetryAfter != "" && f.Status == 0, "RetryAfter needs a Status"},
		{!slices.Contains(bodies, f.Body), "Body"},
		{!slices.Contains(cuts, f.Cut), "Cut"},
		{f.Delay == 0 && f.Cut == "" && !f.spoils(), "no member makes the call fail: set Delay, Status, Redirect, Body or Cut"},
	} {
		if rule.wrong {
			return fmt.Errorf("%w: %s", ErrFault, rule.field)
		}
	}
	return nil
}

// spoils reports whether the fault leaves no true answer.
func (f Fault) spoils() bool {
	return f.Status != 0 || f.Redirect != "" || f.Body != "" || f.Cut != "" && f.Cut != CutGoAway
}

// status returns the status that is sent; 0 when none is.
func (f Fault) status() int {
	switch {
	case f.Cut == CutBeforeHeaders, f.Cut == CutConnection, f.Cut == CutSilence:
		return 0
	case f.Status == 0 && f.Redirect != "":
		return http.StatusFound
	}
	return cmp.Or(f.Status, http.StatusOK)
}

// forever is longer than any caller waits.
const forever = time.Duration(1<<63 - 1)

// script has the faults that are still to come.
type script []*scripted

type scripted struct {
	Fault
	seen int // calls of the operation since the fault was scripted
}

// take counts a call of the operation and returns the fault that is due, or the zero fault.
func (s script) take(operation string) (due Fault) {
	found := false
	for _, f := range s {
		if f.Operation != operation {
			continue
		}
		f.seen++
		if !found && f.seen >= max(f.Call, 1) && f.seen <= f.last() {
			due, found = f.Fault, true
		}
	}
	return due
}

// last returns the number of the last call that fails.
func (f *scripted) last() int {
	if f.Call == 0 && f.Times == 0 {
		return math.MaxInt
	}
	return max(f.Call, 1) + max(f.Times, 1) - 1
}

func (f *scripted) spent() bool { return f.seen >= f.last() }

// unperformed returns the answer that a fault spoils when the operation was not performed.
func (a *api) unperformed(operation string, f Fault) answer {
	switch status := cmp.Or(f.status(), http.StatusOK); {
	case status >= 400 && operation == OperationAccessToken:
		return refuseOAuth(status, "temporarily_unavailable", "scripted fault")
	case status >= 400:
		return a.refuse(status, "scripted_fault", http.StatusText(status))
	default:
		return jsonAnswer(status, "application/json", map[string]string{"id": a.random.guid(), "status": statusCreated})
	}
}

// writeFault sends the spoilt answer. It does not return when there is no whole answer.
func (a *api) writeFault(f Fault, w http.ResponseWriter, r *http.Request, spoilt answer) {
	l, _ := r.Context().Value(lineKey{}).(*line)
	switch {
	case f.Cut == CutConnection && l != nil:
		_ = l.Close() // it may be closed already
		panic(http.ErrAbortHandler)
	case f.Cut == CutBeforeHeaders, f.Cut == CutConnection:
		panic(http.ErrAbortHandler)
	case f.Cut == CutSilence:
		if l != nil {
			l.silent.Store(true)
		}
		a.wait(r, forever)
	}
	f.writeSpoilt(w, f.spoil(spoilt))
}

// writeSpoilt sends the answer. It does not return when the answer is cut in its body.
func (f Fault) writeSpoilt(w http.ResponseWriter, a answer) {
	if f.Cut != CutMidBody {
		a.write(w)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	a.body = a.body[:len(a.body)/2]
	a.write(w)
	_ = http.NewResponseController(w).Flush() // sends the headers before the cut
	panic(http.ErrAbortHandler)
}

// spoil returns the answer with the fault's status, headers and body.
func (f Fault) spoil(a answer) answer {
	header := a.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	body, contentType := a.body, cmp.Or(header.Get("Content-Type"), "application/json")
	if len(body) == 0 {
		body = []byte(`{"status":"an answer that had no body"}`)
	}
	switch f.Body {
	case BodyTruncated:
		body = body[:len(body)/2]
	case BodyHuge:
		body = []byte(`{"padding":"` + strings.Repeat("x", hugeBody) + `"}`)
	case BodyHTML:
		body, contentType = []byte("<!DOCTYPE html><title>Sorry</title><p>The service is being maintained."), "text/html; charset=utf-8"
	case BodyArray:
		body = []byte(`["neither","object","nor","problem"]`)
	case BodyEmptyObject:
		body = []byte(`{}`)
	case BodyEmpty:
		body = nil
	}
	if f.Status == http.StatusNoContent {
		body = nil // a 204 has no body
	}
	header.Set("Content-Type", contentType)
	if f.RetryAfter != "" {
		header.Set("Retry-After", f.RetryAfter)
	}
	if f.Redirect != "" {
		header.Set("Location", f.Redirect)
	}
	return answer{status: f.status(), header: header, body: body}
}
