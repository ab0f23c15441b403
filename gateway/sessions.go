package gateway

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// appAPI serves apps: they start, watch, cancel, finish, refresh and revoke logins.
type appAPI struct{ *Gateway }

// startRequest is the body of POST /sessions.
type startRequest struct {
	CodeChallenge       string `json:"code_challenge"`
	CodeChallengeMethod string `json:"code_challenge_method"`
	RedirectURI         string `json:"redirect_uri"`
	Language            string `json:"language"`
	ACRValues           string `json:"acr_values"`
	MaxAge              *int64 `json:"max_age"`
	Resource            texts  `json:"resource"`
	DPoPKey             string `json:"dpop_jkt"`
}

// startParameters are the members of a startRequest.
var startParameters = []string{
	"code_challenge", "code_challenge_method", "redirect_uri", "language", "acr_values", "max_age", "resource", "dpop_jkt",
}

// startResponse is the answer to a start. It is JSON and never a redirect: iOS opens an app only after the user's
// own tap.
type startResponse struct {
	SessionID               string `json:"session_id"`
	AuthorizationRequestURL string `json:"authorization_request_url"`
	ExpiresIn               int    `json:"expires_in"`
	Interval                int    `json:"interval"`
}

// serveStart answers POST /sessions. It starts a login for an app.
func (a *appAPI) serveStart(x exchange) error { return forApp(a.start(x)) }

func (a *appAPI) start(x exchange) error {
	var in startRequest
	if err := readJSON(x.r, &in, startParameters...); err != nil {
		return err
	}
	s, err := a.appStart(x, in)
	if err != nil {
		return err
	}
	if err := a.bindStart(x, in.DPoPKey, &s); err != nil {
		return err
	}
	record, err := a.logins.Start(x.r.Context(), s)
	if err != nil {
		return err
	}
	writeJSON(x.w, http.StatusCreated, "application/json", startResponseOf(record, a.config.Now()))
	return nil
}

// appStart checks an app's parameters.
func (a *appAPI) appStart(x exchange, in startRequest) (s login.StartRequest, err error) {
	in.RedirectURI = cmp.Or(in.RedirectURI, a.config.AppRedirectURLs[0])
	switch {
	case !login.ValidChallenge(in.CodeChallenge):
		return s, requestErrorf("code_challenge is required: base64url(SHA-256(code_verifier)), 43 characters")
	case in.CodeChallengeMethod != "" && in.CodeChallengeMethod != "S256":
		return s, requestErrorf("code_challenge_method must be S256")
	case in.MaxAge != nil && *in.MaxAge < 0:
		return s, requestErrorf("max_age is not a number of seconds")
	case !slices.Contains(a.config.AppRedirectURLs, in.RedirectURI):
		return s, requestErrorf("redirect_uri is none of the configured app_redirect_url")
	}
	if err := a.checkResources(in.Resource); err != nil {
		return s, err
	}
	loa, err := readLoA(in.ACRValues)
	if err != nil {
		return s, err
	}
	return login.StartRequest{
		Kind:        store.App,
		Client:      x.info.Client,
		RedirectURL: in.RedirectURI,
		Challenge:   in.CodeChallenge,
		Language:    a.answers.languageOf(in.Language, x.r),
		LoA:         loa,
	}, nil
}

// checkResources refuses a resource (RFC 8707) that is neither an audience of the gateway nor one of its sites. A known
// one changes nothing: an app's token is for all sites, and each upstream gets a token of its own.
func (a *appAPI) checkResources(resources []string) error {
	for _, resource := range resources {
		if !slices.Contains(a.config.Token.Audience, resource) && !a.audiences.has(resource) {
			return errTarget
		}
	}
	return nil
}

// startResponseOf returns the answer to the start of a login.
func startResponseOf(record *store.Record, now time.Time) startResponse {
	return startResponse{
		SessionID:               record.ID,
		AuthorizationRequestURL: record.AuthorizationRequestURL,
		ExpiresIn:               seconds(record.ExpiresAt.Sub(now)),
		Interval:                seconds(PollInterval),
	}
}

// readLoA returns the highest level in acr_values (OpenID Connect Core section 3.1.2.1).
func readLoA(acrValues string) (signicat.LoA, error) {
	if strings.Trim(acrValues, " ") == "" {
		return "", nil
	}
	var highest signicat.LoA
	for value := range strings.SplitSeq(acrValues, " ") {
		if level, err := signicat.ParseLoA(value); err == nil && !highest.AtLeast(level) {
			highest = level
		}
	}
	if highest == "" {
		return "", requestErrorf("acr_values names no known level; use low, substantial or high")
	}
	return highest, nil
}

// checkMaxAge refuses a max_age that is not a number of seconds. A valid max_age changes nothing: itsme keeps no
// session, so every login is a new authentication.
func checkMaxAge(maxAge string) error {
	if maxAge == "" {
		return nil
	}
	if seconds, err := strconv.ParseInt(maxAge, 10, 32); err != nil || seconds < 0 {
		return requestErrorf("max_age is not a number of seconds")
	}
	return nil
}
