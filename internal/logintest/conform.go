package logintest

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/apitest"
)

// conform holds an exchange to what the API's document says, and follows the type of a problem to
// the page behind it.
func conform(t *testing.T, r *http.Request, a Answer) {
	t.Helper()
	apitest.Check(t, apitest.Exchange{Request: r, Sent: sent(t, r), Status: a.Status, Header: a.Header, Body: a.Body})
	if a.Header.Get("Content-Type") != "application/problem+json" || a.Body == "" {
		return
	}
	asked := request(t, http.MethodGet, a.Text("type"), "")
	page := send(t, bare(), asked)
	apitest.Check(t, apitest.Exchange{Request: asked, Status: page.Status, Header: page.Header, Body: page.Body})
	if page.Status != http.StatusOK || !strings.Contains(page.Body, "<code>"+a.Text("code")+"</code>") {
		t.Errorf("the type of %s leads to %d %s", a.Body, page.Status, page.Body)
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
