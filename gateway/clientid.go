package gateway

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
)

// errClient is returned when a request to /token or /revoke names another client than the gateway's. The text
// after it says what the developer of the client must change.
var errClient = errors.New("unknown client")

// checkClient refuses a request that names another client than the host of public_url. Every app is a public
// client (RFC 6749 section 2.1): it may send client_id in the form, by HTTP Basic with an empty password, by
// both, or not at all. Call it before anything of the request is used.
func (a *appAPI) checkClient(x exchange, form url.Values) error {
	err := a.clientError(x.r, form)
	if errors.Is(err, errClient) {
		a.answers.log.DebugContext(x.r.Context(), "a request names another client", errorAttr(err),
			slog.String("path", x.info.OriginalURL.Path), slog.Bool("basic", usesBasic(x.r)))
	}
	return err
}

func (a *appAPI) clientError(r *http.Request, form url.Values) error {
	if len(r.Header["Authorization"]) > 1 {
		return identity.ErrAmbiguous
	}
	if id := form.Get("client_id"); id != "" && id != a.clientID {
		return a.anotherClient()
	}
	if usesBasic(r) {
		return a.checkBasic(r)
	}
	return nil
}

// checkBasic checks the client of HTTP Basic, whose parts are form-encoded (RFC 6749 section 2.3.1).
func (a *appAPI) checkBasic(r *http.Request) error {
	name, password, ok := r.BasicAuth()
	if !ok {
		return wrap(errClient, "Authorization is not HTTP Basic as in RFC 7617")
	}
	if password != "" {
		return wrap(errClient, "the password of HTTP Basic must be empty: apps have no secret")
	}
	id, err := url.QueryUnescape(name)
	if err != nil {
		return wrap(errClient, "the user of HTTP Basic must be form-encoded")
	}
	if id != a.clientID {
		return a.anotherClient()
	}
	return nil
}

func (a *appAPI) anotherClient() error { return wrap(errClient, "client_id must be "+a.clientID) }

// usesBasic reports whether a request has the scheme Basic. Apps add their bearer token to every request, so
// other schemes are ignored at /token and /revoke.
func usesBasic(r *http.Request) bool {
	const scheme = "Basic"
	value := r.Header.Get("Authorization")
	return len(value) >= len(scheme) && strings.EqualFold(value[:len(scheme)], scheme) &&
		(len(value) == len(scheme) || value[len(scheme)] == ' ' || value[len(scheme)] == '\t')
}
