package gateway

import (
	"net/http"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
)

// serveAppCallback answers an app's redirect URL when the phone opened a browser instead of the app.
func (b *browserAPI) serveAppCallback(x exchange) error {
	b.writeReturn(x, b.appReturn(x), http.StatusOK, page.Page{
		Name:     "app_return",
		Language: b.answers.languageOf("", x.r.Header.Get("Accept-Language")),
		Hide:     true,
	})
	return nil
}
