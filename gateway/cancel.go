package gateway

import (
	"net/http"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
)

// cancelRequest is the body of POST /sessions/{session_id}/cancel.
type cancelRequest struct {
	CodeVerifier string `json:"code_verifier"`
	Error        string `json:"error"`
}

// cancelParameters are the members of a cancelRequest.
var cancelParameters = []string{"code_verifier", "error"}

// serveCancel answers POST /sessions/{session_id}/cancel. It ends a login for the client that started it: an
// app with its verifier, or a browser with its login cookie.
func (a *appAPI) serveCancel(x exchange) error {
	id := x.rest
	if len(id) != sessionIDSize {
		return login.ErrUnknown
	}
	var in cancelRequest
	if len(x.r.Header["Content-Type"]) > 0 {
		if err := readJSON(x.r, &in, cancelParameters...); err != nil {
			return err
		}
	}
	if in.Error != "" && !login.ValidRedirectError(in.Error) {
		return requestErrorf("error is not an OAuth error code")
	}
	record, err := a.logins.FindByID(x.r.Context(), id)
	if err != nil {
		return err
	}
	cookie := a.cookies.LoginValue(x.r.Header["Cookie"], id)
	byCookie := login.BoundToCookie(record, cookie)
	switch {
	case byCookie && !sameOrigin(x.r, a.config.PublicURL):
		return errCrossSite
	case !byCookie && !login.BoundToVerifier(record, in.CodeVerifier):
		// The same answer as for an unknown session, so that a client learns nothing of other clients.
		return login.ErrUnknown
	}
	if err := a.logins.Cancel(x.r.Context(), record, in.Error); err != nil {
		return err // the login goes on, so its cookie stays
	}
	if byCookie {
		a.cookies.SetFinished(x.w, id, cookie, record.KeepUntil().Sub(a.config.Now()))
	}
	noStore(x.w.Header())
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}
