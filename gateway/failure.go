package gateway

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/dpop"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
)

// Names of problems: the last part of a type, and the member "code" (RFC 9457).
const (
	problemAuthentication = "authentication_required"
	problemToken          = "invalid_token"
	problemInsufficient   = "insufficient_login"
	problemRequirement    = "requirement_not_met"
	problemRequest        = "invalid_request"
	problemSession        = "session_unknown"
	problemRate           = "rate_limited"
	problemCrossSite      = "cross_site"
	problemSignicat       = "signicat_unavailable"
	problemStore          = "store_unavailable"
	problemStarting       = "starting"
	problemEarly          = "too_early"
	problemTarget         = "invalid_target"
	problemProof          = "invalid_dpop_proof"
	problemNonce          = "use_dpop_nonce"
)

// Errors of malformed requests.
var (
	// errRequest is returned when a request is malformed. Its text is safe to show.
	errRequest = errors.New("invalid request")
	// errNoCookies is returned when a browser does not send back a cookie that it just received.
	errNoCookies = errors.New("the browser keeps no cookies")
	errTooEarly  = errors.New("early data")
	errMethod    = errors.New("method not allowed")
	errMediaType = errors.New("unsupported media type")
	errTooLarge  = errors.New("body too large")
	errNotFound  = errors.New("not found")
	// errTarget is returned when a client names a resource that the gateway does not serve (RFC 8707).
	errTarget = errors.New("unknown resource")
)

// requestErrorf returns an errRequest whose text says what the developer of a client must change.
func requestErrorf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errRequest, fmt.Sprintf(format, args...))
}

// wrap adds a reason for the log. Clients see the error's row in the table.
func wrap(err error, why string) error { return fmt.Errorf("%w: %s", err, why) }

// failure describes how clients see an error: as a problem, or as an OAuth error of /token.
type failure struct {
	err     error
	status  int
	problem string
	title   string
	oauth   string // RFC 6749 section 5.2, RFC 8628 section 3.5
}

// failures maps every error to its answer. The first row that matches counts.
var failures = []failure{
	{errAppNonce, 400, problemNonce, "The DPoP proof needs a nonce", "use_dpop_nonce"},
	{errAppProof, 400, problemProof, "The DPoP proof is not valid", "invalid_dpop_proof"},
	{dpop.ErrNonce, 401, problemNonce, "The DPoP proof needs a nonce", "use_dpop_nonce"},
	{dpop.ErrProof, 401, problemProof, "The DPoP proof is not valid", "invalid_dpop_proof"},
	{dpop.ErrTooMany, 429, problemRate, "Too many DPoP proofs of one key were used", "temporarily_unavailable"},
	{dpop.ErrFull, 503, problemRate, "Too many DPoP proofs were used", "temporarily_unavailable"},
	{login.ErrDenied, 400, problemRequest, "The login was refused or cancelled", "access_denied"},
	{login.ErrExpired, 400, problemRequest, "The login has expired", "expired_token"},
	{login.ErrUnfinished, 400, problemRequest, "The login is not finished yet", "authorization_pending"},
	{errClient, 401, problemRequest, "The client is unknown", "invalid_client"},
	{login.ErrGrant, 400, problemRequest, "The login cannot be finished with this", "invalid_grant"},
	{identity.ErrStarting, 503, problemStarting, "The gateway is starting", "temporarily_unavailable"},
	{login.ErrStarting, 503, problemStarting, "The gateway is starting", "temporarily_unavailable"},
	{login.ErrStore, 503, problemStore, "The session store is unavailable", "temporarily_unavailable"},
	{login.ErrSignicat, 503, problemSignicat, "Signicat is unavailable", "temporarily_unavailable"},
	{login.ErrRate, 429, problemRate, "Too many logins were started", "temporarily_unavailable"},
	{login.ErrTokenRate, 429, problemRate, "Too many token requests were made", "temporarily_unavailable"},
	{errTooEarly, 425, problemEarly, "The request came in early data", "invalid_request"},
	{errMethod, 405, problemRequest, "The method is not allowed here", "invalid_request"},
	{errMediaType, 415, problemRequest, "The media type is not supported here", "invalid_request"},
	{errTooLarge, 413, problemRequest, "The body is too large", "invalid_request"},
	{errSlow, 408, problemRequest, "The body took too long", "invalid_request"},
	{errNotFound, 404, problemRequest, "There is nothing here", "invalid_request"},
	{login.ErrUnknown, 404, problemSession, "There is no such session", "invalid_request"},
	{login.ErrConflict, 409, problemRequest, "The login is being finished", "invalid_request"},
	{errCrossSite, 403, problemCrossSite, "The request comes from another site", "invalid_request"},
	{errNoCookies, 400, problemRequest, "The browser keeps no cookies", "invalid_request"},
	{errGrantType, 400, problemRequest, "The grant type is not supported", "unsupported_grant_type"},
	{errTarget, 400, problemTarget, "The resource is unknown here", "invalid_target"},
	{errRequest, 400, problemRequest, "The request is malformed", "invalid_request"},
	{identity.ErrAmbiguous, 400, problemRequest, "The request is malformed", "invalid_request"},
	{identity.ErrNoCredential, 401, problemAuthentication, "A login is required", "invalid_request"},
	{identity.ErrToken, 401, problemToken, "The access token is not valid", "invalid_request"},
	{identity.ErrInsufficient, 401, problemInsufficient, "Another login is required", "invalid_request"},
	{identity.ErrRequirement, 403, problemRequirement, "The user does not meet a requirement", "invalid_request"},
}

// errGrantType is returned when /token does not support the grant type of a request.
var errGrantType = errors.New("unsupported grant type")

// unexpected answers an error that no row matches. It refuses the request and says nothing about the error.
var unexpected = failure{status: 503, problem: problemStore, title: "The request could not be served", oauth: "temporarily_unavailable"}

// failureOf returns the row of an error.
func failureOf(err error) failure {
	for _, f := range failures {
		if errors.Is(err, f.err) {
			return f
		}
	}
	return unexpected
}

// statusAbandoned is the status of a request whose client hung up, as in the logs of nginx and Caddy. No
// client reads it.
const statusAbandoned = 499

// abandoned reports whether a request failed only because its client hung up.
func abandoned(r *http.Request, err error) bool {
	return r.Context().Err() != nil && errors.Is(err, context.Canceled)
}

// defaultRetry is the Retry-After of an error that names no time.
const defaultRetry = 5 * time.Second

// writeRetryAfter sets Retry-After, in whole seconds, at least one.
func (f failure) writeRetryAfter(h http.Header, err error) {
	if f.status != http.StatusServiceUnavailable && f.status != http.StatusTooManyRequests {
		return
	}
	wait := login.RetryAfter(err)
	switch {
	case wait > 0:
	case f.problem == problemStarting:
		wait = time.Second
	default:
		wait = defaultRetry
	}
	h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
}

// detail returns a text for developers: what is wrong with the request, or which requirement the user does
// not meet. It never repeats input of the client or data of the user.
func detail(err error) string {
	if errors.Is(err, identity.ErrAmbiguous) {
		return identity.ErrAmbiguous.Error()
	}
	for _, target := range []error{errRequest, errClient, identity.ErrRequirement, dpop.ErrProof} {
		if _, text, ok := strings.Cut(err.Error(), target.Error()+": "); ok && errors.Is(err, target) {
			return text
		}
	}
	return ""
}

// problem is the body of a problem (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Code   string `json:"code"`
}

// writeProblem answers an error as a problem.
func (a *answers) writeProblem(w http.ResponseWriter, err error) {
	f := failureOf(err)
	f.writeRetryAfter(w.Header(), err)
	writeJSON(w, f.status, "application/problem+json", problem{
		Type:   a.config.endpointURL("/problems/" + f.problem),
		Title:  f.title,
		Status: f.status,
		Detail: detail(err),
		Code:   f.problem,
	})
}

// fail answers an error in the endpoint's form.
func (a *answers) fail(form answerForm, x exchange, err error) {
	if abandoned(x.r, err) {
		x.w.WriteHeader(statusAbandoned)
		return
	}
	a.config.Observe.Refusal(failureOf(err).problem)
	a.challenge(x.w.Header(), x.r, identity.CredentialHeadersOf(x.r), x.audiences(), err)
	writeNonce(x.w.Header(), err)
	switch {
	case form == asOAuth:
		a.writeOAuthError(x.w, err)
	case form == asPage && !wantsJSON(x.r):
		a.writeFailurePage(x, page.Page{}, err)
	default:
		a.writeProblem(x.w, err)
	}
}

// oauthError is the body of an OAuth error (RFC 6749 section 5.2).
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
	Interval    int    `json:"interval,omitempty"`
}

// writeOAuthError answers an error in the form of /token.
func (a *answers) writeOAuthError(w http.ResponseWriter, err error) {
	f := failureOf(err)
	f.writeRetryAfter(w.Header(), err)
	body := oauthError{Error: f.oauth, Description: f.title}
	if text := detail(err); text != "" {
		body.Description = text
	}
	if f.oauth == "authorization_pending" {
		body.Interval = int(PollInterval / time.Second)
	}
	writeJSON(w, f.status, "application/json", body)
}

// wantsJSON reports whether a page's script sent the request, and not the browser itself.
func wantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}

// serveProblem answers /problems/{name} with the explanation of a problem. The name only chooses a page. The
// page never repeats it.
func (g *Gateway) serveProblem(x exchange) error {
	p, ok := page.ProblemNamed(x.rest)
	if !ok {
		return errNotFound
	}
	body, err := p.Render(x.w.Header(), answersOf(p.Name), g.config.Path+"/openapi.yaml")
	if err != nil {
		return err
	}
	noStore(x.w.Header())
	x.w.WriteHeader(http.StatusOK)
	_, _ = x.w.Write(body) // fails when the client hung up
	return nil
}

// answersOf returns the answers that carry a problem.
func answersOf(problem string) (answers []page.Answer) {
	for _, f := range failures {
		answer := page.Answer{Status: f.status, Title: f.title}
		if f.problem == problem && f.hasPage() && !slices.Contains(answers, answer) {
			answers = append(answers, answer)
		}
	}
	return answers
}

// hasPage reports whether clients see a failure as a problem. Other failures appear only at /token, under
// names of OAuth.
func (f failure) hasPage() bool {
	return f.proofError() != "" || f.oauth == "invalid_request" || f.oauth == "temporarily_unavailable"
}
