package signicat_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

var errNone = errors.New("no error")

// outcome is what every operation makes of one answer.
type outcome struct {
	name       string
	answer     http.HandlerFunc
	want       error
	token      error // what the access token call makes of it, when that differs
	start      error // what the access token call and the create make of it, when that differs
	validation error // what the validation makes of it, when that differs; errNone for nil
	details    signicat.Error
}

func outcomes() []outcome {
	return []outcome{
		{name: "204 without a body", answer: status(204), want: signicat.ErrInvalidResponse, validation: errNone},
		{name: "200 without a body", answer: jsonBody(""), want: signicat.ErrInvalidResponse, validation: errNone},
		{name: "200 without a body or content type", answer: status(200), want: signicat.ErrInvalidResponse, validation: errNone},
		{name: "200 without content type", answer: typed("", "{}"), want: signicat.ErrInvalidResponse, validation: errNone},
		{name: "200 with an empty object", answer: jsonBody("{}"), want: signicat.ErrInvalidResponse, validation: errNone},
		{name: "200 with an object of problem+json", answer: typed("application/problem+json", `{"a":[1]}`), want: signicat.ErrInvalidResponse, validation: errNone},
		{name: "200 with a text", answer: typed("text/plain", "ok"), want: signicat.ErrInvalidResponse},
		{name: "200 with a blank", answer: jsonBody(" "), want: signicat.ErrInvalidResponse},
		{name: "200 with null", answer: jsonBody("null"), want: signicat.ErrInvalidResponse},
		{name: "200 with a number", answer: jsonBody("1"), want: signicat.ErrInvalidResponse},
		{name: "200 with an array", answer: jsonBody("[]"), want: signicat.ErrInvalidResponse},
		{name: "200 with two objects", answer: jsonBody("{}{}"), want: signicat.ErrInvalidResponse},
		{name: "200 with an object and a text", answer: jsonBody("{} ok"), want: signicat.ErrInvalidResponse},
		{name: "200 encrypted", answer: typed("application/jose", "a.b.c.d.e"), want: signicat.ErrInvalidResponse},
		{name: "200 with bad JSON", answer: jsonBody(`{"id":`), want: signicat.ErrInvalidResponse},
		{name: "200 with 5 MB", answer: huge(200, "application/json"), want: signicat.ErrInvalidResponse},
		{name: "201", answer: typedStatus(201, "{}"), want: signicat.ErrInvalidResponse},
		{name: "202", answer: status(202), want: signicat.ErrInvalidResponse},
		{name: "203 from a proxy", answer: typedStatus(203, "{}"), want: signicat.ErrInvalidResponse},
		{name: "205", answer: status(205), want: signicat.ErrInvalidResponse},
		{name: "206", answer: typedStatus(206, "{}"), want: signicat.ErrInvalidResponse},
		{name: "299", answer: status(299), want: signicat.ErrInvalidResponse},
		{name: "200 HTML without a body", answer: typed("text/html", ""), want: signicat.ErrInvalidResponse, start: signicat.ErrNotSignicat},
		{name: "200 JSON that claims to be HTML", answer: typed("text/html", "{}"), want: signicat.ErrInvalidResponse, start: signicat.ErrNotSignicat},
		{name: "200 HTML", answer: typed("text/html; charset=utf-8", "<!doctype html>"), want: signicat.ErrInvalidResponse, start: signicat.ErrNotSignicat},
		{name: "200 XHTML", answer: typed("application/xhtml+xml", "<html/>"), want: signicat.ErrInvalidResponse, start: signicat.ErrNotSignicat},
		{name: "200 HTML that claims to be JSON", answer: jsonBody("\xef\xbb\xbf\r\n\t <html>"), want: signicat.ErrInvalidResponse},
		{name: "200 cut in the body", answer: cutBody, want: signicat.ErrUnavailable},
		{name: "cut before the headers", answer: cut, want: signicat.ErrUnavailable},
		{name: "not HTTP at all", answer: garbled, want: signicat.ErrUnavailable},
		{name: "redirect", answer: redirect, want: signicat.ErrInvalidResponse},
		{name: "redirect to nowhere", answer: status(302), want: signicat.ErrInvalidResponse},
		{name: "101 and silence", answer: switchProtocols, want: signicat.ErrInvalidResponse},
		{name: "304", answer: status(304), want: signicat.ErrInvalidResponse},
		{
			name: "400 with a problem", answer: problem(400, "error_invalid_request_parameter.json"),
			want: signicat.ErrRejected, token: signicat.ErrUnauthorized,
			details: signicat.Error{Code: "invalid_request_parameter", TraceID: "4bf239c088089f2bca77d3a413909f1d"},
		},
		{
			name: "400 with an OAuth error", answer: problem(400, "error_invalid_client.json"),
			want: signicat.ErrRejected, token: signicat.ErrUnauthorized, details: signicat.Error{Code: "invalid_client"},
		},
		{
			name: "401", answer: problem(401, "error_invalid_token.json"),
			want: signicat.ErrUnauthorized, details: signicat.Error{Code: "invalid_token"},
		},
		{name: "401 without a body", answer: status(401), want: signicat.ErrUnauthorized},
		{name: "403 without a body", answer: status(403), want: signicat.ErrForbidden},
		{name: "404", answer: typed404, want: signicat.ErrNotFound, start: signicat.ErrNotSignicat},
		{name: "404 with a problem", answer: typedStatus(404, `{"code":"not_found"}`), want: signicat.ErrNotFound, start: signicat.ErrNotSignicat, details: signicat.Error{Code: "not_found"}},
		{name: "405", answer: status(405), want: signicat.ErrRejected, start: signicat.ErrNotSignicat},
		{name: "407", answer: status(407), want: signicat.ErrRejected, start: signicat.ErrNotSignicat},
		{name: "400 HTML", answer: page(400), want: signicat.ErrRejected, start: signicat.ErrNotSignicat},
		{name: "401 HTML", answer: page(401), want: signicat.ErrUnauthorized, start: signicat.ErrNotSignicat},
		{name: "403 HTML", answer: page(403), want: signicat.ErrForbidden, start: signicat.ErrNotSignicat},
		{name: "429 HTML", answer: page(429), want: signicat.ErrRateLimited},
		{name: "503 HTML", answer: page(503), want: signicat.ErrUnavailable},
		{name: "408", answer: status(408), want: signicat.ErrUnavailable},
		{name: "415", answer: status(415), want: signicat.ErrRejected, token: signicat.ErrUnauthorized},
		{
			name: "429 with seconds", answer: retry(429, "7"),
			want: signicat.ErrRateLimited, details: signicat.Error{RetryAfter: 7 * time.Second},
		},
		{
			name: "429 with a date", answer: retry(429, "Thu, 19 Mar 2026 08:16:36 GMT"),
			want: signicat.ErrRateLimited, details: signicat.Error{RetryAfter: 30 * time.Second},
		},
		{name: "429 with a date gone by", answer: retry(429, "Thu, 19 Mar 2026 08:16:05 GMT"), want: signicat.ErrRateLimited},
		{name: "429 with nonsense", answer: retry(429, "soon"), want: signicat.ErrRateLimited},
		{
			name: "503 for a century", answer: retry(503, "99999999999999999999"),
			want: signicat.ErrUnavailable, details: signicat.Error{RetryAfter: signicat.MaxRetryAfter},
		},
		{name: "500 with a body that is cut", answer: cutError, want: signicat.ErrUnavailable},
		{name: "500 with 5 MB", answer: huge(500, "application/json"), want: signicat.ErrUnavailable},
		{name: "500 with HTML", answer: htmlError, want: signicat.ErrUnavailable},
		{name: "599", answer: status(599), want: signicat.ErrUnavailable},
		{name: "600", answer: status(600), want: signicat.ErrInvalidResponse},
		{
			name: "400 with a text for a code", answer: typedStatus(400, `{"code":"Not a code: `+personNIN+`","traceId":5}`),
			want: signicat.ErrRejected, token: signicat.ErrUnauthorized,
		},
		{
			name: "400 with an endless code", answer: typedStatus(400, `{"code":"`+strings.Repeat("a", 65)+`"}`),
			want: signicat.ErrRejected, token: signicat.ErrUnauthorized,
		},
	}
}

func (o outcome) wanted(operation string) error {
	want := o.want
	switch {
	case operation == signicat.OperationAccessToken && o.token != nil:
		want = o.token
	case (operation == signicat.OperationAccessToken || operation == signicat.OperationCreateSession) && o.start != nil:
		want = o.start
	case operation == signicat.OperationValidateCode && o.validation != nil:
		want = o.validation
	}
	if want == errNone {
		return nil
	}
	return want
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for _, o := range outcomes() {
		for _, operation := range operations() {
			t.Run(o.name+"/"+operation.name, func(t *testing.T) {
				t.Parallel()
				s := everywhere(o.answer)
				if operation.name == signicat.OperationAccessToken {
					s.accessToken = o.answer
				}
				calls := make(chan signicat.Call, 10)
				client, url := newClient(t, s, atPublishedTime, func(c *signicat.Config) {
					c.Observe = func(call signicat.Call) { calls <- call }
				})
				ctx, spans := traced(t)
				err := operation.call(ctx, client, url)
				wantOutcome(t, err, operation.name, o)
				close(calls)
				wantSameWord(t, calls, operation.name, err)
				wantSameClass(t, spans.Ended(), o.wanted(operation.name))
			})
		}
	}
}

func wantOutcome(t *testing.T, err error, operation string, o outcome) {
	t.Helper()
	wantNoSecret(t, err)
	want := o.wanted(operation)
	if want == nil {
		if err != nil {
			t.Errorf("got %v, want no error", err)
		}
		return
	}
	for _, sentinel := range sentinels() {
		if got := errors.Is(err, sentinel); got != (sentinel == want) {
			t.Errorf("errors.Is(%v, %v) = %t", err, sentinel, got)
		}
	}
	got, ok := errors.AsType[*signicat.Error](err)
	if !ok {
		t.Fatalf("got a %T, want an *Error", err)
	}
	if got.Operation != operation {
		t.Errorf("operation %s, want %s", got.Operation, operation)
	}
	details := signicat.Error{Code: got.Code, TraceID: got.TraceID, RetryAfter: got.RetryAfter}
	if diff := cmp.Diff(o.details, details); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
}

// wantSameWord compares what the metrics call the outcome with the error, which the log and the doctor show.
func wantSameWord(t *testing.T, calls <-chan signicat.Call, operation string, err error) {
	t.Helper()
	words := map[error]string{
		signicat.ErrUnauthorized: "unauthorized", signicat.ErrForbidden: "forbidden", signicat.ErrNotFound: "not_found",
		signicat.ErrRejected: "rejected", signicat.ErrRateLimited: "rate_limited", signicat.ErrUnavailable: "unavailable",
		signicat.ErrInvalidResponse: "invalid_response", signicat.ErrNotSignicat: "not_signicat",
	}
	want := "ok"
	for sentinel, word := range words {
		if errors.Is(err, sentinel) {
			want = word
		}
	}
	var last string
	for call := range calls {
		if call.Operation == operation {
			last = call.Outcome
		}
	}
	if last != want {
		t.Errorf("the outcome is %q, want %q as in the error %v", last, want, err)
	}
}

// wantSameClass compares the error class of the last span with the error.
func wantSameClass(t *testing.T, spans []trace.ReadOnlySpan, err error) {
	t.Helper()
	want := ""
	if err != nil {
		want = err.Error()
	}
	if got := described(spans[len(spans)-1])["error.type"]; got != want {
		t.Errorf("the span has error.type %q, want %q", got, want)
	}
}

func sentinels() []error {
	return []error{
		signicat.ErrUnauthorized, signicat.ErrForbidden, signicat.ErrNotFound, signicat.ErrRejected,
		signicat.ErrRateLimited, signicat.ErrUnavailable, signicat.ErrInvalidResponse, signicat.ErrNotSignicat,
	}
}

func atPublishedTime(config *signicat.Config) {
	now := time.Date(2026, 3, 19, 8, 16, 6, 0, time.UTC)
	config.Now = func() time.Time { return now }
}

func TestRefusedTokenIsReplacedOnce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		refuse  int32 // how many calls get a 401
		wantErr error
	}{
		{"refused once", 1, nil},
		{"refused twice", 2, signicat.ErrUnauthorized},
	} {
		for _, operation := range operations() {
			if operation.name == signicat.OperationAccessToken {
				continue // that is the call which gets one
			}
			t.Run(test.name+"/"+operation.name, func(t *testing.T) {
				t.Parallel()
				s := &server{}
				answer := func(w http.ResponseWriter, r *http.Request) {
					if want := fmt.Sprintf("Bearer %s%d", tokenPrefix, s.calls.Load()); r.Header.Get("Authorization") != want {
						t.Errorf("call %d came with %s", s.calls.Load(), r.Header.Get("Authorization"))
					}
					if s.calls.Load() <= test.refuse {
						w.WriteHeader(401)
						return
					}
					answerSession(w, r)
				}
				s.session, s.validation = answer, answer
				client, url := newClient(t, s)
				if err := operation.call(t.Context(), client, url); !errors.Is(err, test.wantErr) {
					t.Errorf("got %v, want %v", err, test.wantErr)
				}
				if s.calls.Load() != 2 || s.tokens.Load() != 2 {
					t.Errorf("%d calls and %d access tokens, want 2 of each", s.calls.Load(), s.tokens.Load())
				}
			})
		}
	}
}
