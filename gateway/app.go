package gateway

import (
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	engine "github.com/caddy-itsme/caddy-itsme/gateway/internal/login"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

// startRequest is what an app posts to /sessions.
type startRequest struct {
	CodeChallenge       string `json:"code_challenge"`
	CodeChallengeMethod string `json:"code_challenge_method"`
	RedirectURI         string `json:"redirect_uri"`
	Language            string `json:"language"`
	ACRValues           string `json:"acr_values"`
	MaxAge              *int64 `json:"max_age"`
}

// startParameters are the members of a startRequest.
var startParameters = []string{"code_challenge", "code_challenge_method", "redirect_uri", "language", "acr_values", "max_age"}

// started is the answer to a start. It is JSON and never a redirect: iOS opens an app only from
// the person's own tap.
type started struct {
	SessionID               string `json:"session_id"`
	AuthorizationRequestURL string `json:"authorization_request_url"`
	ExpiresIn               int    `json:"expires_in"`
	Interval                int    `json:"interval"`
}

func (g *Gateway) serveStart(x exchange) error {
	var in startRequest
	if err := readJSON(x.r, &in, startParameters...); err != nil {
		return err
	}
	s, err := g.appStart(x, in)
	if err != nil {
		return err
	}
	record, err := g.logins.Start(x.r.Context(), s)
	if err != nil {
		return err
	}
	writeJSON(x.w, http.StatusCreated, "application/json", g.startedOf(record))
	return nil
}

// appStart checks what an app asks for.
func (g *Gateway) appStart(x exchange, in startRequest) (engine.Request, error) {
	switch {
	case !engine.ValidChallenge(in.CodeChallenge):
		return engine.Request{}, requestErrorf("code_challenge is required: base64url(SHA-256(code_verifier)), 43 characters")
	case in.CodeChallengeMethod != "" && in.CodeChallengeMethod != "S256":
		return engine.Request{}, requestErrorf("code_challenge_method must be S256")
	case in.MaxAge != nil && *in.MaxAge < 0:
		return engine.Request{}, requestErrorf("max_age is not a number of seconds")
	}
	if in.RedirectURI == "" {
		in.RedirectURI = g.config.AppRedirectURLs[0]
	}
	if !slices.Contains(g.config.AppRedirectURLs, in.RedirectURI) {
		return engine.Request{}, requestErrorf("redirect_uri is none of the configured app_redirect_url")
	}
	loa, err := wish{acrValues: in.ACRValues}.loa()
	if err != nil {
		return engine.Request{}, err
	}
	return engine.Request{
		Kind:        pending.App,
		Client:      x.info.Client,
		RedirectURL: in.RedirectURI,
		Challenge:   in.CodeChallenge,
		Language:    g.languageOf(in.Language, x.r.Header.Get("Accept-Language")),
		LoA:         loa,
	}, nil
}

func (g *Gateway) startedOf(record *pending.Record) started {
	return started{
		SessionID:               record.ID,
		AuthorizationRequestURL: record.AuthorizationRequestURL,
		ExpiresIn:               seconds(record.ExpiresAt.Sub(g.now())),
		Interval:                seconds(Interval),
	}
}

// seconds is a duration on the wire: whole seconds, never negative.
func seconds(d time.Duration) int { return max(0, int(math.Floor(d.Seconds()))) }

// sessionIDSize is the length of base64url of 32 bytes.
const sessionIDSize = 43

// sessionStatus is the answer to a status: nothing personal, for whoever knows the session_id.
type sessionStatus struct {
	Status    string `json:"status"`
	ExpiresIn int    `json:"expires_in"`
}

// serveStatus answers /sessions/{session_id}.
func (g *Gateway) serveStatus(x exchange) error {
	if len(x.rest) != sessionIDSize {
		return engine.ErrUnknown
	}
	wait, err := readWait(x.info.OriginalURL.Query())
	if err != nil {
		return err
	}
	record, early, err := g.logins.Status(x.r.Context(), x.rest, x.info.Client, wait)
	if err != nil {
		return err
	}
	answer := sessionStatus{Status: record.Phase.String()}
	if !record.Phase.Ended() {
		answer.ExpiresIn = seconds(record.ExpiresAt.Sub(g.now()))
		if early { // a client that asked again at once would spin
			x.w.Header().Set("Retry-After", strconv.Itoa(seconds(Interval)))
		}
	}
	writeJSON(x.w, http.StatusOK, "application/json", answer)
	return nil
}

// cancelRequest is what an app posts to /sessions/{session_id}/cancel.
type cancelRequest struct {
	CodeVerifier string `json:"code_verifier"`
	Error        string `json:"error"`
}

// cancelParameters are the members of a cancelRequest.
var cancelParameters = []string{"code_verifier", "error"}

// serveCancel ends a login for whoever started it: an app with its verifier, a browser with its
// login cookie.
func (g *Gateway) serveCancel(x exchange) error {
	id := x.rest
	if len(id) != sessionIDSize {
		return engine.ErrUnknown
	}
	var in cancelRequest
	if len(x.r.Header["Content-Type"]) > 0 {
		if err := readJSON(x.r, &in, cancelParameters...); err != nil {
			return err
		}
	}
	if in.Error != "" && !engine.ValidRedirectError(in.Error) {
		return requestErrorf("error is not an OAuth error code")
	}
	record, err := g.logins.Session(x.r.Context(), id)
	if err != nil {
		return err
	}
	cookie, _ := g.cookies.value(x.r.Header["Cookie"], g.cookies.loginName(id))
	byCookie := engine.BoundToCookie(record, cookie)
	switch {
	case byCookie && !sameOrigin(x.r, g.config.PublicURL):
		return errCrossSite
	case !byCookie && !engine.BoundToVerifier(record, in.CodeVerifier):
		// Not told apart from one that does not exist: nobody learns whose it is.
		return engine.ErrUnknown
	}
	if err := g.logins.Cancel(x.r.Context(), record, in.Error); err != nil {
		return err // and the cookie stays, for the login that goes on
	}
	if byCookie {
		g.cookies.clear(x.w, g.cookies.loginName(id))
	}
	noStore(x.w.Header())
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}

// appGrantType is how the metadata names the grant of /token, since there is no authorization
// endpoint that a standard client could use.
const appGrantType = "urn:caddy-itsme:grant-type:app2app"

// tokenParameters are what /token reads; others are ignored (RFC 6749 section 3.2).
var tokenParameters = []string{"grant_type", "code", "state", "code_verifier", "client_id", "redirect_uri", "refresh_token"}

// tokenAnswer is RFC 6749 section 5.1.
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
}

// serveToken finishes an app's login, or refreshes it.
func (g *Gateway) serveToken(x exchange) error {
	form, err := readForm(x.r, tokenParameters...)
	if err != nil {
		return err
	}
	if id := form.Get("client_id"); id != "" && id != g.public.Host {
		return wrap(engine.ErrGrant, "another client_id")
	}
	switch form.Get("grant_type") {
	case "authorization_code", appGrantType:
		return g.serveFinish(x, form)
	case "refresh_token":
		return g.serveRefresh(x, form)
	case "":
		return requestErrorf("grant_type is required: authorization_code")
	}
	return errGrantType
}

// serveRefresh exchanges a refresh token for the next access token (RFC 6749 section 6).
func (g *Gateway) serveRefresh(x exchange, form url.Values) error {
	if g.config.Token.Refresh == 0 {
		return errGrantType
	}
	if form.Get("refresh_token") == "" {
		return requestErrorf("refresh_token is required")
	}
	next, err := g.logins.Refresh(x.r.Context(), form.Get("refresh_token"))
	if err != nil {
		return err
	}
	writeJSON(x.w, http.StatusOK, "application/json", tokenAnswer{
		AccessToken:  next.Access,
		TokenType:    "Bearer",
		ExpiresIn:    seconds(next.ExpiresAt.Sub(g.now())),
		RefreshToken: next.Refresh,
	})
	return nil
}

func (g *Gateway) serveFinish(x exchange, form url.Values) error {
	if err := checkTokenForm(form); err != nil {
		return err
	}
	record, err := g.logins.Find(x.r.Context(), form.Get("state"))
	if err != nil {
		return err
	}
	// A wrong verifier changes and counts nothing on the record.
	if !engine.BoundToVerifier(record, form.Get("code_verifier")) {
		return wrap(engine.ErrGrant, "not bound to this verifier")
	}
	if back := form.Get("redirect_uri"); back != "" && back != record.RedirectURL {
		return wrap(engine.ErrGrant, "another redirect_uri")
	}
	record, err = g.logins.Finish(x.r.Context(), record, engine.Return{State: form.Get("state"), Code: form.Get("code")})
	if err != nil {
		return err
	}
	refresh, err := g.logins.LatestRefreshToken(x.r.Context(), record.TokenID)
	if err != nil {
		return err
	}
	writeJSON(x.w, http.StatusOK, "application/json", tokenAnswer{
		AccessToken:  record.Token,
		TokenType:    "Bearer",
		ExpiresIn:    seconds(record.TokenExpiresAt.Sub(g.now())),
		RefreshToken: refresh,
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
		return wrap(engine.ErrGrant, "code or state too long")
	}
	return nil
}

const (
	// maxCode and maxState bound what is hashed and sent on. itsme's codes have 36 characters,
	// Signicat's states 71.
	maxCode  = 512
	maxState = 1024
)
