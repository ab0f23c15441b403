package signicat

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The errors of a call. Every error of a call is an [*Error] around exactly one of these, of
// [ErrSessionID] or of [ErrTokenRequestURL].
var (
	// ErrNotSignicat is returned when Config.APIURL does not lead to Signicat's API: the requests for
	// an access token or a session are answered with 404, 405, 407 or a web page.
	ErrNotSignicat = errors.New("this is not Signicat's API: check api_url")
	// ErrUnauthorized is returned when Signicat refuses the credentials: it issues no access token, or
	// answers 401 to a new one as well.
	ErrUnauthorized = errors.New("credentials refused")
	// ErrForbidden is returned when the credentials lack a permission or the account (403).
	ErrForbidden = errors.New("permission refused")
	// ErrNotFound is returned when Signicat does not know the session or transaction (404).
	ErrNotFound = errors.New("not known to Signicat")
	// ErrRejected is returned when Signicat refuses the request itself: 400, and any 4xx that
	// has no sentinel of its own. The same request will be refused again.
	ErrRejected = errors.New("rejected by Signicat")
	// ErrRateLimited is returned when Signicat answers 429. See Error.RetryAfter.
	// Unverified: Signicat publishes no rate limit, and its API does not declare 429.
	ErrRateLimited = errors.New("rate limited by Signicat")
	// ErrUnavailable is returned when there was no whole answer, or a 5xx or 408: no route, a cut
	// connection, a timeout, a context that ended (then also context.DeadlineExceeded or
	// context.Canceled). Signicat may have performed the request.
	ErrUnavailable = errors.New("unavailable")
	// ErrInvalidResponse is returned when the answer cannot be Signicat's, or cannot be used: HTML,
	// a redirect, over MaxBody, another content type, bad JSON, a member missing or of the
	// wrong type. Signicat may have performed the request.
	ErrInvalidResponse = errors.New("invalid response")
)

// The operations that Error.Operation names.
const (
	OperationAccessToken   = "access_token"
	OperationCreateSession = "create_session"
	OperationReadSession   = "read_session"
	OperationCancelSession = "cancel_session"
	OperationValidateCode  = "validate_code"
)

// maxRetryAfter bounds Error.RetryAfter.
const maxRetryAfter = time.Hour

// Error describes a call that did not succeed. Its text and members may be logged: they have no secret,
// token, code, state or body.
type Error struct {
	// Operation is the call that failed, such as [OperationReadSession]. It is
	// [OperationAccessToken] when the call was not made because there was no Signicat access token.
	Operation string
	// StatusCode is Signicat's HTTP status; zero when there was no answer.
	StatusCode int
	// Code is Signicat's code of the problem, such as invalid_token, or OAuth's. It has at most 64
	// letters, digits and "_.-", and is empty without such a code.
	Code string
	// TraceID is the trace id that Signicat's support asks for. It is bounded like Code.
	TraceID string
	// RetryAfter is the wait that Signicat asks for; zero without one. It is at most one hour.
	RetryAfter time.Duration
	// Repeated reports that this was the second request, after a 401. Signicat may have performed the
	// first all the same.
	Repeated bool
	// Err wraps the sentinel.
	Err error
}

// Error returns the operation, the cause, and the code and trace id for Signicat's support.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(doing(e.Operation) + ": " + e.Err.Error())
	if e.StatusCode != 0 {
		b.WriteString(", status " + strconv.Itoa(e.StatusCode))
	}
	if e.Code != "" {
		b.WriteString(", code " + e.Code)
	}
	if e.TraceID != "" {
		b.WriteString(", trace " + e.TraceID)
	}
	return b.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

func doing(operation string) string {
	switch operation {
	case OperationAccessToken:
		return "asking for a Signicat access token"
	case OperationCreateSession:
		return "creating session"
	case OperationReadSession:
		return "reading session"
	case OperationCancelSession:
		return "cancelling session"
	case OperationValidateCode:
		return "validating code"
	default:
		return "calling Signicat"
	}
}

// fromAnotherServer reports whether an answer shows that Config.APIURL does not lead to Signicat. Only
// operations with a fixed path can show it: for the others a 404 is about a session or a code. A web
// page with 429 or 5xx may be from Signicat's load balancer.
func fromAnotherServer(operation string, status int, mediaType string) bool {
	switch {
	case operation != OperationAccessToken && operation != OperationCreateSession:
		return false
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed, status == http.StatusProxyAuthRequired:
		return true
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 300 && status < 400, status >= 500:
		return false
	}
	return webPage(mediaType)
}

func webPage(mediaType string) bool {
	return mediaType == "text/html" || mediaType == "application/xhtml+xml"
}

// sentinel returns the error of a status. At the token endpoint every 4xx means refused credentials,
// except 403, 404, 408 and 429: OAuth servers answer with 400 as often as with 401.
func sentinel(operation string, status int, mediaType string) error {
	switch {
	case fromAnotherServer(operation, status, mediaType):
		return ErrNotSignicat
	case status == http.StatusUnauthorized:
		return ErrUnauthorized
	case status == http.StatusForbidden:
		return ErrForbidden
	case status == http.StatusNotFound:
		return ErrNotFound
	case status == http.StatusTooManyRequests:
		return ErrRateLimited
	case status == http.StatusRequestTimeout, status >= 500 && status <= 599:
		return ErrUnavailable
	case status >= 400 && status <= 499 && operation == OperationAccessToken:
		return ErrUnauthorized
	case status >= 400 && status <= 499:
		return ErrRejected
	default:
		return ErrInvalidResponse
	}
}

// problem returns the code and trace id of an error body, in Signicat's form or OAuth's.
// Source: https://developer.signicat.com/docs/error-codes/, RFC 6749 section 5.2.
func problem(body []byte) (code, traceID string) {
	var members struct {
		Code    string `json:"code"`
		Error   string `json:"error"`
		TraceID string `json:"traceId"`
	}
	_ = json.Unmarshal(body, &members) // what is not JSON, and a member of another type, stays empty
	return word(cmp.Or(members.Code, members.Error)), word(members.TraceID)
}

// retryAfter reads a Retry-After header, in seconds or as a date (RFC 9110 section 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	wait := time.Duration(0)
	// For more seconds than fit in 31 bits, ParseUint returns the most that fit with ErrRange.
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil || errors.Is(err, strconv.ErrRange) {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// atLeastRetryAfter returns wait, or what Signicat asked for in err when that is longer.
func atLeastRetryAfter(wait time.Duration, err error) time.Duration {
	if refused, ok := errors.AsType[*Error](err); ok {
		return max(wait, refused.RetryAfter)
	}
	return wait
}

// word returns s when it is a code or an id, else "": free text of another server is not logged.
func word(s string) string {
	if len(s) > 64 || strings.ContainsFunc(s, func(r rune) bool { return !wordRune(r) && r != '.' }) {
		return ""
	}
	return s
}

func wordRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-'
}

// visible reports whether s has 1 to limit visible ASCII characters, as a header needs.
func visible(s string, limit int) bool {
	return s != "" && len(s) <= limit && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
