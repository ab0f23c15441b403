package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTranscript(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("s3cr3t", 6) // as long as itsme's codes
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Set-Cookie", "login="+secret+"; HttpOnly")
		fmt.Fprint(w, "<title>Back again</title>")
	}))
	t.Cleanup(server.Close)
	var printed bytes.Buffer
	c := newClient(transcript{to: &printed}, nil)
	form := url.Values{"code": {secret}, "state": {secret + ":a-spge"}}
	got, err := c.postForm(t.Context(), http.StatusOK, server.URL+"/path?code="+secret, form, "Authorization", "Bearer "+secret, "User-Agent", "test")
	if err != nil {
		t.Fatal(err)
	}
	if want := "<title>Back again</title>"; got.body != want {
		t.Errorf("the answer is %q, want %q", got.body, want)
	}
	want := `> POST ` + server.URL + `/path?code=s3cr3ts3…
> Authorization: Bearer s3cr3ts3…
> Content-Type: application/x-www-form-urlencoded
> code=s3cr3ts3…&state=s3cr3ts3…
< 200 OK
< Content-Type: text/html; charset=utf-8
< Set-Cookie: login=s3cr3ts3…; HttpOnly
< (a page: Back again)
`
	if diff := cmp.Diff(want, printed.String()); diff != "" {
		t.Errorf("the transcript differs (-want +got):\n%s", diff)
	}
}

// TestErrorOmitsTheQuery: the query may hold a code.
func TestErrorOmitsTheQuery(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	gone := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	gone.Close()
	c := newClient(transcript{to: t.Output()}, nil)
	for name, target := range map[string]string{
		"another status": server.URL + "/?code=s3cr3t",
		"no answer":      gone.URL + "/?code=s3cr3t",
		"no URL":         "http://[::1/?code=s3cr3t",
	} {
		_, err := c.get(t.Context(), http.StatusOK, target)
		if err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

func TestReadPage(t *testing.T) {
	t.Parallel()
	got, err := readPage(`<!DOCTYPE html><title>A &amp; B</title>
<a href="/elsewhere">no</a><a class="action" href="/open?a=1&amp;b=2">yes</a>
<form method="post" action="/login"><input type="hidden" name="return_to" value="/?x&amp;y">
<input type="radio" name="persona" value="adult"><input type="radio" name="persona" value="minor" checked><button name="b">go</button></form>`)
	if err != nil {
		t.Fatal(err)
	}
	want := page{
		title: "A & B", action: "/login", link: "/open?a=1&b=2",
		form: url.Values{"return_to": {"/?x&y"}, "persona": {"minor"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(page{})); diff != "" {
		t.Errorf("the page differs (-want +got):\n%s", diff)
	}
}
