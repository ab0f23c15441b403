package signicat

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// maxProblem bounds how many bytes of an error body are searched for a code and a trace id.
const maxProblem = 64 << 10

// call is one request to Signicat.
type call struct {
	operation   string
	method, url string
	header      http.Header
	body        []byte
	contentType string // of the body; application/json when empty
	template    string // of the path, for a trace; empty when Signicat chose the URL
	// decode reads the JSON body of a 2xx. Nil: the answer only has to pass checkAccepted.
	decode func([]byte) error
}

// authorized makes the call that build returns, with a Signicat access token. When Signicat refuses
// that token, perhaps because it was revoked, authorized repeats the call once with a new one, as
// Signicat recommends:
// https://developer.signicat.com/docs/connect-to-signicat-apis/advanced-settings/access-tokens/
func (c *Client) authorized(ctx context.Context, build func(accessToken) call) error {
	token, err := c.tokens.token(ctx)
	if err != nil {
		return err
	}
	if err := c.bearer(ctx, token, build); !errors.Is(err, ErrUnauthorized) {
		return err
	}
	if token, err = c.tokens.replace(ctx, token); err != nil {
		return err
	}
	err = c.bearer(ctx, token, build)
	if failure, ok := errors.AsType[*Error](err); ok {
		failure.Repeated = true
	}
	return err
}

func (c *Client) bearer(ctx context.Context, token accessToken, build func(accessToken) call) error {
	request := build(token)
	request.header.Set("Authorization", "Bearer "+token.value)
	return c.exchange(ctx, request)
}

// exchange sends one request and reads its answer, within Config.Timeout altogether. Each request
// has its own span, a repeated one too.
func (c *Client) exchange(ctx context.Context, request call) (err error) {
	defer c.report(ctx, request.operation, c.config.Now(), &err)
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	ctx, s := c.startSpan(ctx, request)
	defer func() { endSpan(s, err) }()
	r, err := request.build(ctx)
	if err != nil {
		return &Error{Operation: request.operation, Err: err}
	}
	if c.config.PropagateTrace {
		propagate(ctx, r.Header)
	}
	t := c.newTrip()
	defer func() { t.end(ctx, err) }()
	asked := c.config.Now()
	response, err := t.roundTrip(r)
	defer func() { c.observeClock(asked, response, err) }()
	if err != nil {
		return &Error{Operation: request.operation, Err: lost(ctx, err)}
	}
	defer response.Body.Close()
	s.SetAttributes(semconv.HTTPResponseStatusCode(response.StatusCode))
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return c.refusal(request.operation, response)
	}
	if err := request.read(ctx, response); err != nil {
		return &Error{Operation: request.operation, StatusCode: response.StatusCode, Err: err}
	}
	return nil
}

func (r call) build(ctx context.Context) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		// net/url quotes the URL in its errors.
		return nil, fmt.Errorf("%w: URL cannot be requested", ErrRejected)
	}
	request.Header = r.header
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "caddy-itsme")
	if r.body != nil {
		request.Header.Set("Content-Type", cmp.Or(r.contentType, "application/json"))
	}
	return request, nil
}

// refusal returns the error of an answer that is no success. The status decides; the body, which may
// be HTML, endless or cut, only adds a code and a trace id.
func (c *Client) refusal(operation string, response *http.Response) *Error {
	var code, traceID string
	// An answer below 400 has no problem to read. After a 101 (RFC 9110) no deadline would end the read.
	if response.StatusCode >= 400 {
		body, _ := io.ReadAll(io.LimitReader(response.Body, maxProblem))
		code, traceID = problem(body)
	}
	return &Error{
		Operation:  operation,
		StatusCode: response.StatusCode,
		Code:       code,
		TraceID:    traceID,
		RetryAfter: retryAfter(response.Header.Get("Retry-After"), c.config.Now()),
		Err:        sentinel(operation, response.StatusCode, mediaTypeOf(response)),
	}
}

// mediaTypeOf returns the media type without its parameters; empty when there is none.
func mediaTypeOf(response *http.Response) string {
	mediaType, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return mediaType
}

// read reads the body of a success. It refuses one that Signicat would not send.
func (r call) read(ctx context.Context, response *http.Response) error {
	mediaType := mediaTypeOf(response)
	if fromAnotherServer(r.operation, response.StatusCode, mediaType) {
		return ErrNotSignicat
	}
	if r.decode != nil && mediaType != "application/json" && !strings.HasSuffix(mediaType, "+json") {
		return fmt.Errorf("%w: not JSON", ErrInvalidResponse)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxBody+1))
	switch {
	case err != nil:
		return lost(ctx, err)
	case len(body) > MaxBody:
		return fmt.Errorf("%w: over %d bytes", ErrInvalidResponse, MaxBody)
	case r.decode == nil:
		return checkAccepted(response.StatusCode, mediaType, body)
	}
	return r.decode(body)
}
