package flow_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestRefusedCancelKeepsTheLoginCookie has a second tab cancel the login that the first tab is finishing. The
// cookie stays, because the first tab needs it to read the outcome.
func TestRefusedCancelKeepsTheLoginCookie(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		back, cookies := e.approvedBrowser(t)
		u, err := url.Parse(back)
		if err != nil {
			t.Fatal(err)
		}
		e.script(t, signicattest.Fault{Operation: "validate_code", Delay: 5 * time.Second})
		finished := make(chan reply, 1)
		go func() { finished <- e.send(withCookies(httptest.NewRequest(http.MethodGet, back, nil), cookies)) }()
		synctest.Wait()
		path := publicURL + logintest.Path + "/sessions/" + gateway.SessionID(u.Query().Get("state")) + "/cancel"
		r := withCookies(httptest.NewRequest(http.MethodPost, path, nil), cookies)
		r.Header.Set("Origin", publicURL)
		got := e.send(r)
		if got.Code != http.StatusConflict || len(got.Result().Cookies()) != 0 {
			t.Errorf("cancelling: %d, and sets %v", got.Code, got.Header()["Set-Cookie"])
		}
		if got := <-finished; got.Code != http.StatusSeeOther {
			t.Errorf("the finish: %d %s", got.Code, got.Body)
		}
	})
}
