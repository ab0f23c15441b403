package logintest

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Exchange is a request and its answer, both read to the end.
type Exchange struct {
	Request *http.Request
	Sent    string // the request's body
	Status  int
	Header  http.Header // the answer's
	Body    string      // the answer's
}

// conform checks an exchange, and follows the type of a problem to the page behind it.
func (f *Front) conform(t *testing.T, r *http.Request, a Answer) {
	t.Helper()
	f.check(t, Exchange{Request: r, Sent: sent(t, r), Status: a.Status, Header: a.Header, Body: a.Body})
	if a.Header.Get("Content-Type") != "application/problem+json" || a.Body == "" {
		return
	}
	asked := request(t, http.MethodGet, a.Text("type"), "")
	page := send(t, bare(), asked)
	f.check(t, Exchange{Request: asked, Status: page.Status, Header: page.Header, Body: page.Body})
	if page.Status != http.StatusOK || !strings.Contains(page.Body, "<code>"+a.Text("code")+"</code>") {
		t.Errorf("the type of %s leads to %d %s", a.Body, page.Status, page.Body)
	}
}

func (f *Front) check(t *testing.T, e Exchange) {
	t.Helper()
	if f.Check != nil {
		f.Check(t, e)
	}
}

// sent is the body that a request was sent with.
func sent(t *testing.T, r *http.Request) string {
	t.Helper()
	if r.GetBody == nil {
		return ""
	}
	body, err := r.GetBody()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
