package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// maxShown bounds an answer's body; nothing in the demo comes near it.
const maxShown = 1 << 20

// transcript is a transport that prints every request and answer.
type transcript struct{ to io.Writer }

// chapter says who acts in the steps after it.
func (t transcript) chapter(title string) { fmt.Fprintf(t.to, "\n== %s ==\n", title) }

// step says what the requests after it are for.
func (t transcript) step(what string) { fmt.Fprintf(t.to, "\n%s\n", what) }

// shownHeaders are the headers worth reading; the others are everyday ones.
var shownHeaders = []string{
	"Accept", "Authorization", "Content-Type", "Cookie", "Location", "Origin", "Set-Cookie", "Www-Authenticate",
}

// RoundTrip implements http.RoundTripper.
func (t transcript) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := sentBody(r)
	if err != nil {
		return nil, err
	}
	t.print(">", r.Method+" "+r.URL.String(), r.Header, sent)
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(io.LimitReader(response.Body, maxShown))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if err := response.Body.Close(); err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	response.Body = io.NopCloser(bytes.NewReader(got))
	t.print("<", response.Status, response.Header, string(got))
	return response, nil
}

// sentBody reads a copy of a request's body.
func sentBody(r *http.Request) (string, error) {
	if r.GetBody == nil {
		return "", nil
	}
	body, err := r.GetBody()
	if err != nil {
		return "", fmt.Errorf("reading the request: %w", err)
	}
	text, err := io.ReadAll(body)
	return string(text), err
}

func (t transcript) print(sign, line string, header http.Header, body string) {
	lines := []string{line}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if slices.Contains(shownHeaders, name) {
			for _, value := range header[name] {
				lines = append(lines, name+": "+value)
			}
		}
	}
	if strings.HasPrefix(header.Get("Content-Type"), "text/html") {
		body = "(a page: " + titleOf(body) + ")"
	}
	for text := range strings.Lines(body) {
		lines = append(lines, strings.TrimSuffix(text, "\n"))
	}
	for _, line := range lines {
		fmt.Fprintln(t.to, sign, shorten(line))
	}
}

// secret is what every code, state, verifier, token and cookie in the demo looks like, the
// shortest being itsme's codes of 36 characters. Words are shorter.
var secret = regexp.MustCompile(`[A-Za-z0-9_.%~-]{36,}=*`)

// shorten leaves of a secret what tells it from others, and no more.
func shorten(text string) string {
	return secret.ReplaceAllStringFunc(text, func(s string) string { return s[:8] + "…" })
}
