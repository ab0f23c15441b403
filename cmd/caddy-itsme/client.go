package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// client makes the requests of an app or a browser. It follows no redirect.
type client struct{ *http.Client }

func newClient(t transcript, jar http.CookieJar) client {
	return client{&http.Client{
		Transport:     t,
		Jar:           jar,
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is a response with its body.
type answer struct {
	*http.Response
	body string
}

// get makes a GET request. Any status but want is an error. Header holds names and values in turn.
func (c client) get(ctx context.Context, want int, target string, header ...string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return answer{}, errURL
	}
	return c.send(r, want, header)
}

// post makes a POST request. See get.
func (c client) post(ctx context.Context, want int, target, mediaType, body string, header ...string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		return answer{}, errURL
	}
	return c.send(r, want, append(header, "Content-Type", mediaType))
}

// postForm makes a POST request with a form. See get.
func (c client) postForm(ctx context.Context, want int, target string, form url.Values, header ...string) (answer, error) {
	return c.post(ctx, want, target, "application/x-www-form-urlencoded", form.Encode(), header...)
}

// errURL is returned when a URL of a response is malformed.
var errURL = errors.New("the URL is malformed")

// send makes a request. Errors do not repeat the query, which may hold a code.
func (c client) send(r *http.Request, want int, header []string) (answer, error) {
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := c.Do(r)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return answer{}, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: reading the answer: %w", r.Method, r.URL.Path, err)
	}
	if response.StatusCode != want {
		return answer{}, fmt.Errorf("%s %s: the status is %d, not %d", r.Method, r.URL.Path, response.StatusCode, want)
	}
	return answer{response, string(text)}, nil
}

// decode decodes JSON. Its error leaves out the cause, which can quote the body.
func decode[T any](a answer) (T, error) {
	var v T
	if json.Unmarshal([]byte(a.body), &v) != nil {
		return v, fmt.Errorf("%s %s: the response is not the expected JSON", a.Request.Method, a.Request.URL.Path)
	}
	return v, nil
}

// approve approves the login on the simulated phone, as the persona adult. It returns the redirect URL that
// itsme then opens.
func (c client) approve(ctx context.Context, link string) (redirectURL string, err error) {
	shown, err := c.get(ctx, http.StatusOK, link, "Accept", "text/html")
	if err != nil {
		return "", err
	}
	p, err := readPage(shown.body)
	if err != nil {
		return "", err
	}
	p.form.Set("persona", "adult")
	p.form.Set("decision", "approve")
	opened, err := c.postForm(ctx, http.StatusSeeOther, link, p.form, "Accept", "text/html")
	if err != nil {
		return "", err
	}
	return opened.Header.Get("Location"), nil
}
