package gateway

import (
	"net/http"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
)

// serveAppReturn is an app's redirect URL when the phone opened a browser instead of the app.
func (g *Gateway) serveAppReturn(x exchange) error {
	g.writeReturn(x, nil, http.StatusOK, page.Page{
		Name:     "app_return",
		Language: g.languageOf("", x.r.Header.Get("Accept-Language")),
		Hide:     true,
	})
	return nil
}
