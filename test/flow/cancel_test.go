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

// TestRefusedCancelKeepsTheLoginCookie has a second tab give a login up that the first one is finishing. Without the
// cookie the first could not come back for the outcome.
func TestRefusedCancelKeepsTheLoginCookie(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		back, cookies := b.browserBegun(t)
		u, err := url.Parse(back)
		if err != nil {
			t.Fatal(err)
		}
		b.script(t, signicattest.Fault{Operation: "validate_code", Delay: 5 * time.Second})
		finished := make(chan reply, 1)
		go func() { finished <- b.send(withCookies(httptest.NewRequest(http.MethodGet, back, nil), cookies)) }()
		synctest.Wait()
		path := bubbleURL + logintest.Path + "/sessions/" + gateway.SessionID(u.Query().Get("state")) + "/cancel"
		r := withCookies(httptest.NewRequest(http.MethodPost, path, nil), cookies)
		r.Header.Set("Origin", bubbleURL)
		got := b.send(r)
		if got.Code != http.StatusConflict || len(got.Result().Cookies()) != 0 {
			t.Errorf("cancelling: %d, and sets %v", got.Code, got.Header()["Set-Cookie"])
		}
		if got := <-finished; got.Code != http.StatusSeeOther {
			t.Errorf("the finish: %d %s", got.Code, got.Body)
		}
	})
}
