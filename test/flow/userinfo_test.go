package flow_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestUserinfoRenewsTheCookie has a browser whose page asks for the claims in the second half of the cookie's life. The
// answer sets the next cookie, as the OpenAPI document says.
func TestUserinfoRenewsTheCookie(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) { c.Token.Refresh = 30 * 24 * time.Hour })
		cookies := e.browserLogin(t).Result().Cookies()
		userinfo := publicURL + logintest.Path + "/userinfo"
		if got := e.visit(userinfo, cookies); got.Code != http.StatusOK || len(got.Result().Cookies()) > 0 {
			t.Errorf("at first: %d with %d cookies", got.Code, len(got.Result().Cookies()))
		}
		pass(gateway.DefaultCookieLifetime * 2 / 3)
		if got := e.visit(userinfo, cookies); got.Code != http.StatusOK || len(got.Result().Cookies()) != 1 {
			t.Errorf("later: %d with %d cookies", got.Code, len(got.Result().Cookies()))
		}
	})
}
