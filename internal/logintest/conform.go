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

// conform checks an exchange. It also loads and checks the page of a problem's type.
func (e *Env) conform(t *testing.T, r *http.Request, a Answer) {
	t.Helper()
	e.check(t, Exchange{Request: r, Sent: sent(t, r), Status: a.Status, Header: a.Header, Body: a.Body})
	if a.Header.Get("Content-Type") != "application/problem+json" || a.Body == "" {
		return
	}
	asked := request(t, http.MethodGet, a.Text("type"), "")
	page := send(t, bare(), asked)
	e.check(t, Exchange{Request: asked, Status: page.Status, Header: page.Header, Body: page.Body})
	if page.Status != http.StatusOK || !strings.Contains(page.Body, "<code>"+a.Text("code")+"</code>") {
		t.Errorf("the type of %s leads to %d %s", a.Body, page.Status, page.Body)
	}
}

func (e *Env) check(t *testing.T, x Exchange) {
	t.Helper()
	if e.Check != nil {
		e.Check(t, x)
	}
}

// sent returns the body of a request.
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
