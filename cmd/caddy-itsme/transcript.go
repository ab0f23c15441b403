package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// maxShown bounds the body of a response, in bytes. Bodies of the demo are much shorter.
const maxShown = 1 << 20

// transcript is an http.RoundTripper that prints every request and response.
type transcript struct {
	to io.Writer
	// through sends the requests. Nil means http.DefaultTransport.
	through http.RoundTripper
}

// chapter prints a heading.
func (t transcript) chapter(title string) { fmt.Fprintf(t.to, "\n== %s ==\n", title) }

// step prints what the next requests do.
func (t transcript) step(what string) { fmt.Fprintf(t.to, "\n%s\n", what) }

// shownHeaders are the headers that are printed.
var shownHeaders = []string{
	"Accept", "Authorization", "Content-Type", "Cookie", "Dpop", "Location", "Origin", "Set-Cookie", "Www-Authenticate",
}

// RoundTrip implements http.RoundTripper.
func (t transcript) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := sentBody(r)
	if err != nil {
		return nil, err
	}
	t.print(">", r.Method+" "+r.URL.String(), r.Header, sent)
	response, err := cmp.Or(t.through, http.DefaultTransport).RoundTrip(r)
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

// secret matches every code, state, verifier, token and cookie in the demo. The shortest are itsme's codes,
// with 36 characters. Words are shorter.
var secret = regexp.MustCompile(`[A-Za-z0-9_.%~-]{36,}=*`)

// shorten keeps the first 8 characters of each secret, enough to distinguish it from others.
func shorten(text string) string {
	return secret.ReplaceAllStringFunc(text, func(s string) string { return s[:8] + "…" })
}
