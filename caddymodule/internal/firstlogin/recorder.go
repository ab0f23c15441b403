package firstlogin

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxRecorded bounds the bytes of an answer that are read.
const maxRecorded = 1 << 20

// Call is the answer of one call to Signicat, without what is personal or secret in it.
type Call struct {
	// Step says which step of the login made the call.
	Step string `json:"step"`
	// Seconds is the time from the beginning to the answer.
	Seconds float64 `json:"seconds"`
	// Status is the HTTP status, 0 without an answer.
	Status int `json:"status"`
	// MediaType is the media type of the answer.
	MediaType string `json:"media_type,omitempty"`
	// RetryAfter reports whether the answer has that header.
	RetryAfter bool `json:"retry_after,omitempty"`
	// Body is the form of the body, nil for an empty one.
	Body any `json:"body"`
}

// text returns a word of the body, or "".
func (c Call) text(member string) string {
	members, _ := c.Body.(map[string]any)
	text, _ := members[member].(string)
	return text
}

// recorder makes calls and records their answers.
type recorder struct {
	transport http.RoundTripper
	began     time.Time
	now       func() time.Time
	report    func(Call)

	mu    sync.Mutex
	calls []Call
}

// stepKey is the key of a step in a context.
type stepKey struct{}

// during returns a context for the calls of a step.
func during(ctx context.Context, step string) context.Context {
	return context.WithValue(ctx, stepKey{}, step)
}

// RoundTrip implements http.RoundTripper. It reads the answer, and gives the caller a copy.
func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	step, _ := request.Context().Value(stepKey{}).(string)
	if strings.HasSuffix(request.URL.Path, "/auth/open/connect/token") && step != stepNoScope && step != stepWrongSecret {
		step = stepAccessToken
	}
	call := Call{Step: step}
	response, err := r.transport.RoundTrip(request)
	if err == nil {
		var body []byte
		if body, err = io.ReadAll(io.LimitReader(response.Body, maxRecorded)); err == nil {
			call.Status, call.Body, call.RetryAfter = response.StatusCode, shapeOf(body), response.Header.Get("Retry-After") != ""
			if mediaType, _, wrong := mime.ParseMediaType(response.Header.Get("Content-Type")); wrong == nil && len(mediaType) < 100 {
				call.MediaType = mediaType
			}
		}
		_ = response.Body.Close() // it was read
		response.Body = io.NopCloser(bytes.NewReader(body))
	}
	call.Seconds = float64(r.now().Sub(r.began).Milliseconds()) / 1000
	r.mu.Lock()
	r.calls = append(r.calls, call)
	r.mu.Unlock()
	r.report(call)
	if err != nil {
		return nil, err
	}
	return response, nil
}

// all returns the calls so far.
func (r *recorder) all() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// of returns the calls of a step.
func (r *recorder) of(step string) (calls []Call) {
	for _, c := range r.all() {
		if c.Step == step {
			calls = append(calls, c)
		}
	}
	return calls
}

// last returns the last call of a step, zero without one.
func (r *recorder) last(step string) (c Call) {
	if calls := r.of(step); len(calls) > 0 {
		c = calls[len(calls)-1]
	}
	return c
}
