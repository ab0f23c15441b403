package gateway

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
)

// appGrantType is the name of the /token grant in the metadata. No authorization endpoint exists that a
// standard client could use.
const appGrantType = "urn:caddy-itsme:grant-type:app2app"

// tokenParameters are the parameters of /token. Others are ignored (RFC 6749 section 3.2).
var tokenParameters = []string{"grant_type", "code", "state", "code_verifier", "client_id", "redirect_uri", "refresh_token"}

// tokenResponse is a token response (RFC 6749 section 5.1).
type tokenResponse struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
}

// serveToken answers POST /token. It finishes an app's login or refreshes it.
func (a *appAPI) serveToken(x exchange) error { return forApp(a.exchange(x)) }

func (a *appAPI) exchange(x exchange) error {
	form, err := readForm(x.r, tokenParameters...)
	if err != nil {
		return err
	}
	if err := a.checkClient(x, form); err != nil {
		return err
	}
	// resource may repeat (RFC 8707 section 2). One without a value counts as omitted (RFC 6749 section 3.2).
	resources := slices.DeleteFunc(form["resource"], func(resource string) bool { return resource == "" })
	if err := a.checkResources(resources); err != nil {
		return err
	}
	switch form.Get("grant_type") {
	case "authorization_code", appGrantType:
		return a.serveFinish(x, form)
	case "refresh_token":
		return a.serveRefresh(x, form)
	case "":
		return requestErrorf("grant_type is required: authorization_code")
	}
	return errGrantType
}

// serveRefresh exchanges a refresh token for the next access token (RFC 6749 section 6).
func (a *appAPI) serveRefresh(x exchange, form url.Values) error {
	if a.config.Token.Refresh == 0 {
		return errGrantType
	}
	if form.Get("refresh_token") == "" {
		return requestErrorf("refresh_token is required")
	}
	proof, err := proofOf(x, a.proofs, a.config.endpointURL("/token"), "")
	if err != nil {
		return err
	}
	next, err := a.logins.Refresh(x.r.Context(), form.Get("refresh_token"), proof, x.admitted)
	if err != nil {
		return err
	}
	writeJSON(x.w, http.StatusOK, "application/json", tokenResponse{
		AccessToken:  next.Access,
		TokenType:    tokenType(next.Key),
		ExpiresIn:    seconds(next.ExpiresAt.Sub(a.config.Now())),
		RefreshToken: next.Refresh,
	})
	return nil
}

func (a *appAPI) serveFinish(x exchange, form url.Values) error {
	if err := checkTokenForm(form); err != nil {
		return err
	}
	record, err := a.logins.FindByState(x.r.Context(), form.Get("state"))
	if refused := x.admitted(); refused != nil {
		return refused
	}
	if err != nil {
		return err
	}
	// A wrong verifier does not change the record.
	if !login.BoundToVerifier(record, form.Get("code_verifier")) {
		return wrap(login.ErrGrant, "not bound to this verifier")
	}
	if back := form.Get("redirect_uri"); back != "" && back != record.RedirectURL {
		return wrap(login.ErrGrant, "another redirect_uri")
	}
	key, err := a.finishKey(x, record)
	if err != nil {
		return err
	}
	finished, err := a.logins.Finish(x.r.Context(), record, login.AuthorizationResponse{State: form.Get("state"), Code: form.Get("code"), Key: key})
	if err != nil {
		return err
	}
	writeJSON(x.w, http.StatusOK, "application/json", tokenResponse{
		AccessToken:  finished.Token,
		TokenType:    tokenType(finished.KeyThumbprint),
		ExpiresIn:    seconds(finished.TokenExpiresAt.Sub(a.config.Now())),
		RefreshToken: finished.Refresh,
	})
	return nil
}

func checkTokenForm(form url.Values) error {
	for _, name := range []string{"code", "state", "code_verifier"} {
		if form.Get(name) == "" {
			return requestErrorf("%s is required", name)
		}
	}
	if len(form.Get("code")) > maxCode || len(form.Get("state")) > maxState {
		return wrap(login.ErrGrant, "code or state too long")
	}
	return nil
}

const (
	// maxCode and maxState bound a code and a state, in bytes. itsme's codes have 36 characters, Signicat's
	// states 71.
	maxCode  = 512
	maxState = 1024
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
		a.log.DebugContext(x.r.Context(), "a request names another client", errorAttr(err),
			slog.String("path", x.info.OriginalURL.Path), slog.Bool("basic", usesBasic(x.r)))
	}
	return err
}

func (a *appAPI) clientError(r *http.Request, form url.Values) error {
	if len(r.Header["Authorization"]) > 1 {
		return identity.ErrAmbiguous
	}
	if id := form.Get("client_id"); id != "" && id != a.public.Host {
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
	if id != a.public.Host {
		return a.anotherClient()
	}
	return nil
}

func (a *appAPI) anotherClient() error { return wrap(errClient, "client_id must be "+a.public.Host) }

// usesBasic reports whether a request has the scheme Basic. Apps add their bearer token to every request, so
// other schemes are ignored at /token and /revoke.
func usesBasic(r *http.Request) bool {
	const scheme = "Basic"
	value := r.Header.Get("Authorization")
	return len(value) >= len(scheme) && strings.EqualFold(value[:len(scheme)], scheme) &&
		(len(value) == len(scheme) || value[len(scheme)] == ' ' || value[len(scheme)] == '\t')
}
