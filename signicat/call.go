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
)

// maxProblem is how many bytes of an error's body are looked at for its code and trace id.
const maxProblem = 64 << 10

// call is one request to Signicat.
type call struct {
	operation   string
	method, url string
	header      http.Header
	body        []byte
	contentType string // of the body; application/json when empty
	bodyIgnored bool   // a 2xx needs no JSON, it must only not be a web page
}

// answer is a 2xx whose body passed the call's test.
type answer struct {
	status int
	body   []byte
}

// authorized makes the call that build returns, with a Signicat access token. When Signicat
// refuses that token (it may have been revoked), it is replaced and the call made once more, as
// Signicat's documentation on access tokens recommends:
// https://developer.signicat.com/docs/connect-to-signicat-apis/advanced-settings/access-tokens/
func (c *Client) authorized(ctx context.Context, build func(accessToken) call) (answer, error) {
	token, err := c.tokens.token(ctx)
	if err != nil {
		return answer{}, err
	}
	a, err := c.bearer(ctx, token, build)
	if !errors.Is(err, ErrUnauthorized) {
		return a, err
	}
	if token, err = c.tokens.replace(ctx, token); err != nil {
		return answer{}, err
	}
	return c.bearer(ctx, token, build)
}

func (c *Client) bearer(ctx context.Context, token accessToken, build func(accessToken) call) (answer, error) {
	request := build(token)
	request.header.Set("Authorization", "Bearer "+token.value)
	return c.exchange(ctx, request)
}

// exchange sends one request and reads its answer, within Config.Timeout altogether.
func (c *Client) exchange(ctx context.Context, request call) (_ answer, err error) {
	defer c.report(ctx, request.operation, c.config.Now(), &err)
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	r, err := request.build(ctx)
	if err != nil {
		return answer{}, &Error{Operation: request.operation, Err: err}
	}
	// The RoundTripper itself, since an http.Client follows redirects or fails on odd ones.
	response, err := c.transport.RoundTrip(r)
	if err != nil {
		return answer{}, &Error{Operation: request.operation, Err: lost(ctx, err)}
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return answer{}, c.refusal(request.operation, response)
	}
	body, err := request.read(ctx, response)
	if err != nil {
		return answer{}, &Error{Operation: request.operation, StatusCode: response.StatusCode, Err: err}
	}
	return answer{response.StatusCode, body}, nil
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

// refusal is the error of an answer that is no success. What the body says only adds to what the
// status means: it may be HTML, endless or cut.
func (c *Client) refusal(operation string, response *http.Response) *Error {
	var code, traceID string
	// Below 400 is nothing to read, and after a 101 (RFC 9110) no deadline would end the reading.
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
		Err:        sentinel(response.StatusCode),
	}
}

// read returns the body of a success, if it is one that Signicat would send.
func (r call) read(ctx context.Context, response *http.Response) ([]byte, error) {
	mediaType, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if !r.bodyIgnored && mediaType != "application/json" && !strings.HasSuffix(mediaType, "+json") {
		return nil, fmt.Errorf("%w: not JSON", ErrInvalidResponse)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxBody+1))
	switch {
	case err != nil:
		return nil, lost(ctx, err)
	case r.bodyIgnored && webPage(mediaType, body):
		return nil, fmt.Errorf("%w: a web page", ErrInvalidResponse)
	case !r.bodyIgnored && len(body) > MaxBody:
		return nil, fmt.Errorf("%w: over %d bytes", ErrInvalidResponse, MaxBody)
	}
	return body, nil
}

// webPage finds what a proxy or a maintenance page answers in Signicat's name.
func webPage(mediaType string, body []byte) bool {
	if mediaType == "text/html" || mediaType == "application/xhtml+xml" {
		return true
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n\f\v"), []byte("<"))
}
