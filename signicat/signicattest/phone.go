package signicattest

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

var (
	// ErrAuthorizationRequest is returned when a URL is not an authorization request URL as a session carried it.
	ErrAuthorizationRequest = errors.New("not an authorization request of this simulator")

	// ErrAnswered is returned when the person has answered the authorization request before.
	ErrAnswered = errors.New("the authorization request has been answered")

	// ErrPersona is returned when no persona has the key.
	ErrPersona = errors.New("no such persona")

	// ErrRefusal is returned when itsme has no such error code.
	ErrRefusal = errors.New("not an error code of itsme")
)

// accessDenied is itsme's error code for a person who says no.
const accessDenied = "access_denied"

// RefusalCodes lists the error codes that itsme can put on a redirect URL. The list is the caller's own copy.
// Source: https://belgianmobileid.github.io/doc/
func RefusalCodes() []string {
	return []string{
		accessDenied, "invalid_request", "login_required", "interaction_required", "unsupported_request",
		"invalid_client_id", "invalid_redirect_uri", "unsupported_grant_type", "invalid_grant", "invalid_scope",
		"unsupported_display", "unauthorized_client", "unsupported_response_type", "invalid_request_object",
		"invalid_request_uri", "temporary_unavailable",
	}
}

// Personas lists the simulated persons. It is the caller's own copy.
func (s *Server) Personas() []Persona {
	people := slices.Clone(s.people)
	for i := range people {
		people[i].Attributes = maps.Clone(people[i].Attributes)
		if a := people[i].Address; a != nil {
			people[i].Address = &Address{a.Formatted, a.StreetAddress, a.PostalCode, a.Locality}
		}
	}
	return people
}

// Open is the person opening the authorization request URL on the phone, without answering yet. It fails with
// [ErrAuthorizationRequest].
func (s *Server) Open(authorizationRequestURL string) error {
	q, err := authorizationQuery(authorizationRequestURL)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err = s.openLocked(q)
	return err
}

// Approve is the persona opening the URL and saying yes. It gives the redirect URL as the phone then opens it, with
// code and state; an empty key is the first persona. It fails with [ErrAuthorizationRequest], [ErrAnswered] or
// [ErrPersona]. It works whatever became of the session meanwhile, because itsme does not know.
func (s *Server) Approve(authorizationRequestURL, persona string) (redirectURL string, err error) {
	q, err := authorizationQuery(authorizationRequestURL)
	if err != nil {
		return "", err
	}
	return s.approve(q, persona)
}

// Refuse is a person opening the URL and saying no. It gives the redirect URL as the phone then opens it, with error
// and state. The session stays as it is, unless [Switches].RefusalAborts: Signicat is not told. It fails as
// [Server.Approve] does.
func (s *Server) Refuse(authorizationRequestURL string) (redirectURL string, err error) {
	return s.RefuseWith(authorizationRequestURL, accessDenied, "")
}

// RefuseWith is [Server.Refuse] with another of [RefusalCodes], or [ErrRefusal], and with an error_description unless
// that is empty.
func (s *Server) RefuseWith(authorizationRequestURL, code, description string) (redirectURL string, err error) {
	q, err := authorizationQuery(authorizationRequestURL)
	if err != nil {
		return "", err
	}
	return s.refusePhone(q, code, description)
}

// authorizationQuery takes the parameters of a URL that a session carried, whatever host it was reached by.
func authorizationQuery(authorizationRequestURL string) (url.Values, error) {
	u, err := url.Parse(authorizationRequestURL)
	if err != nil || u.Path != authorizationPath {
		return nil, fmt.Errorf("%w: the path is not %s", ErrAuthorizationRequest, authorizationPath)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%w: malformed query", ErrAuthorizationRequest)
	}
	return q, nil
}

// openLocked finds the login by its state and refuses parameters that were altered on the way, as itsme would those
// that it knows: client, redirect URL, scope. Parameters that OpenID Connect does not know are ignored. The server's
// mutex must be held.
func (s *Server) openLocked(q url.Values) (*session, error) {
	x := s.sessions.byState[q.Get("state")]
	if x == nil {
		return nil, fmt.Errorf("%w: unknown state", ErrAuthorizationRequest)
	}
	for _, p := range s.authorizationParameters(x) {
		if values := q[p[0]]; len(values) != 1 || values[0] != p[1] {
			return nil, fmt.Errorf("%w: %s is not what it was", ErrAuthorizationRequest, p[0])
		}
	}
	x.settle(s.cfg.Now())
	x.open(s.switches)
	return x, nil
}

// answerLocked is [Server.openLocked] for a person who answers.
func (s *Server) answerLocked(q url.Values) (*session, error) {
	x, err := s.openLocked(q)
	if err != nil {
		return nil, err
	}
	if x.answered && !s.switches.ReanswerAllowed {
		return nil, ErrAnswered
	}
	return x, nil
}

func (s *Server) approve(q url.Values, key string) (string, error) {
	i := slices.IndexFunc(s.people, func(p Persona) bool { return key == "" || p.Key == key })
	if i < 0 {
		return "", fmt.Errorf("%w: %q", ErrPersona, key)
	}
	code := s.random.text(lowerAlphanumeric, 36)
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.answerLocked(q)
	if err != nil {
		return "", err
	}
	x.approve(&s.people[i], code, s.cfg.Now(), s.switches, s.nextResult)
	s.nextResult = Override{}
	return withQuery(x.redirectURL, "code", code, "state", x.state), nil
}

func (s *Server) refusePhone(q url.Values, code, description string) (string, error) {
	if !slices.Contains(RefusalCodes(), code) {
		return "", fmt.Errorf("%w: %q", ErrRefusal, code)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.answerLocked(q)
	if err != nil {
		return "", err
	}
	x.refuse(s.switches)
	pairs := []string{"error", code, "state", x.state}
	if description != "" {
		pairs = append(pairs, "error_description", description)
	}
	return withQuery(x.redirectURL, pairs...), nil
}

// withQuery appends to a URL and leaves what it had as it was.
func withQuery(to string, pairs ...string) string {
	separator := "?"
	if strings.Contains(to, "?") {
		separator = "&"
	}
	for i := 0; i < len(pairs); i += 2 {
		to += separator + pairs[i] + "=" + url.QueryEscape(pairs[i+1])
		separator = "&"
	}
	return to
}
