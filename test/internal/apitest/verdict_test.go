package apitest

import (
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestFormKeepsWhatTheDocumentJudges changes one thing in an exchange. Only another random value of the same
// length leaves the form as it is.
func TestFormKeepsWhatTheDocumentJudges(t *testing.T) {
	t.Parallel()
	exchange := func(change func(*Exchange)) Exchange {
		r := httptest.NewRequest(http.MethodGet, "/itsme/sessions/"+strings.Repeat("a", 43), http.NoBody)
		r.Header.Set("Accept", "x")
		e := Exchange{Request: r, Status: 200, Header: plain("Content-Type", jsonType), Body: status}
		change(&e)
		return e
	}
	first := form(exchange(func(*Exchange) {}))
	if again := form(exchange(func(e *Exchange) { e.Request.URL.Path = "/itsme/sessions/" + strings.Repeat("b", 43) })); again != first {
		t.Error("another session has another form")
	}
	bearer := func(part string) [sha256.Size]byte {
		return form(exchange(func(e *Exchange) {
			e.Request.Header.Set("Authorization", "Bearer eyJhbGciOiJFUzI1NiJ9."+strings.Repeat(part, 60))
		}))
	}
	if bearer("a") != bearer("b") {
		t.Error("another token has another form")
	}
	for name, change := range map[string]func(*Exchange){
		"the method":          func(e *Exchange) { e.Request.Method = http.MethodPost },
		"the path":            func(e *Exchange) { e.Request.URL.Path = "/itsme/sessions/x" },
		"a shorter ID":        func(e *Exchange) { e.Request.URL.Path = "/itsme/sessions/" + strings.Repeat("b", 42) },
		"a longer ID":         func(e *Exchange) { e.Request.URL.Path = "/itsme/sessions/" + strings.Repeat("b", 44) },
		"the query":           func(e *Exchange) { e.Request.URL.RawQuery = "wait=1s" },
		"a request header":    func(e *Exchange) { e.Request.Header.Set("Accept", "y") },
		"the body sent":       func(e *Exchange) { e.Sent = "x" },
		"the status":          func(e *Exchange) { e.Status = 201 },
		"an answer's header":  func(e *Exchange) { e.Header.Set("Cache-Control", "public") },
		"the answer's body":   func(e *Exchange) { e.Body = `{"status":"lost","expires_in":9}` },
		"a body moved a word": func(e *Exchange) { e.Sent, e.Body = "x", status[1:] },
	} {
		if form(exchange(change)) == first {
			t.Errorf("%s: the form is the same", name)
		}
	}
}

// TestVerdictIsThatOfTheViolations compares an exchange twice, a good one and a bad one.
func TestVerdictIsThatOfTheViolations(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{status: true, `{"status":"lost","expires_in":9}`: false} {
		e := Exchange{Request: httptest.NewRequest(http.MethodGet, session, http.NoBody), Status: 200, Header: plain("Content-Type", jsonType), Body: body}
		for range 2 {
			if found := published.verdict(e); (len(found) == 0) != want {
				t.Errorf("%s: found %q", body, found)
			}
		}
	}
}
