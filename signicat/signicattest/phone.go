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
	// ErrAuthorizationRequest is returned when a URL is not the authorization request URL of a session.
	ErrAuthorizationRequest = errors.New("not an authorization request of this simulator")

	// ErrAnswered is returned when the person has answered the authorization request already.
	ErrAnswered = errors.New("the authorization request has been answered")

	// ErrPersona is returned when no persona has the key.
	ErrPersona = errors.New("no such persona")

	// ErrRefusal is returned when itsme has no such error code.
	ErrRefusal = errors.New("not an error code of itsme")
)

// accessDenied is itsme's error code for a person who refuses.
const accessDenied = "access_denied"

// RefusalCodes returns the error codes that itsme can put on a redirect URL.
// Source: https://belgianmobileid.github.io/doc/
func RefusalCodes() []string {
	return []string{
		accessDenied, "invalid_request", "login_required", "interaction_required", "unsupported_request",
		"invalid_client_id", "invalid_redirect_uri", "unsupported_grant_type", "invalid_grant", "invalid_scope",
		"unsupported_display", "unauthorized_client", "unsupported_response_type", "invalid_request_object",
		"invalid_request_uri", "temporary_unavailable",
	}
}

// Personas returns a copy of the simulated persons.
func (a *account) Personas() []Persona {
	people := slices.Clone(a.personas)
	for i := range people {
		people[i].Attributes = maps.Clone(people[i].Attributes)
		if people[i].Address != nil {
			people[i].Address = new(*people[i].Address)
		}
	}
	return people
}

// Open opens the authorization request URL without an answer. It fails with [ErrAuthorizationRequest].
func (s *sessions) Open(authorizationRequestURL string) error {
	q, err := authorizationQuery(authorizationRequestURL)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err = s.opened(q)
	return err
}

// Approve opens the URL and approves as the persona with that key; an empty key is the first persona. It returns the
// redirect URL that the phone then opens, with code and state. It fails with [ErrAuthorizationRequest], [ErrAnswered] or
// [ErrPersona]. It works after the end of the session too, because itsme does not know the session.
func (s *sessions) Approve(authorizationRequestURL, persona string) (redirectURL string, err error) {
	q, err := authorizationQuery(authorizationRequestURL)
	if err != nil {
		return "", err
	}
	return s.approve(q, persona)
}

// Refuse opens the URL and refuses. It returns the redirect URL that the phone then opens, with error and state. The
// session does not change without [Switches].RefusalAborts: Signicat does not learn of it. It fails as [Server.Approve]
// does.
func (s *sessions) Refuse(authorizationRequestURL string) (redirectURL string, err error) {
	return s.RefuseWith(authorizationRequestURL, accessDenied, "")
}

// RefuseWith is [Server.Refuse] with another of [RefusalCodes], or [ErrRefusal], and with an error_description unless
// that is empty.
func (s *sessions) RefuseWith(authorizationRequestURL, code, description string) (redirectURL string, err error) {
	q, err := authorizationQuery(authorizationRequestURL)
	if err != nil {
		return "", err
	}
	return s.refuse(q, code, description)
}

// authorizationQuery returns the parameters of an authorization request URL. It does not check the host.
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

// show opens the login and calls f with it. It fails with [ErrAuthorizationRequest] or [ErrAnswered].
func (s *sessions) show(q url.Values, f func(*session)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.unanswered(q)
	if err == nil {
		f(x)
	}
	return err
}

// opened returns the login of that state. As itsme does, it refuses parameters that were altered on the way: client,
// redirect URL, scope. It ignores parameters that OpenID Connect does not know. The caller holds the mutex.
func (s *sessions) opened(q url.Values) (*session, error) {
	x := s.index.byState[q.Get("state")]
	if x == nil {
		return nil, fmt.Errorf("%w: unknown state", ErrAuthorizationRequest)
	}
	for _, p := range s.authorizationParameters(x) {
		if values := q[p[0]]; len(values) != 1 || values[0] != p[1] {
			return nil, fmt.Errorf("%w: %s was changed", ErrAuthorizationRequest, p[0])
		}
	}
	x.settle(s.cfg.Now())
	x.open(s.Switches())
	return x, nil
}

// unanswered returns the login of that state unless the person has answered it. The caller holds the mutex.
func (s *sessions) unanswered(q url.Values) (*session, error) {
	x, err := s.opened(q)
	if err != nil {
		return nil, err
	}
	if x.answered && !s.Switches().ReanswerAllowed {
		return nil, ErrAnswered
	}
	return x, nil
}

func (s *sessions) approve(q url.Values, key string) (redirectURL string, err error) {
	i := slices.IndexFunc(s.personas, func(p Persona) bool { return key == "" || p.Key == key })
	if i < 0 {
		return "", fmt.Errorf("%w: %q", ErrPersona, key)
	}
	code := s.random.text(lowerAlphanumeric, 36)
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.unanswered(q)
	if err != nil {
		return "", err
	}
	x.approve(&s.personas[i], code, s.cfg.Now(), s.Switches(), s.nextSuccess)
	s.nextSuccess = Override{}
	return withQuery(x.redirectURL, [][2]string{{"code", code}, {"state", x.state}}), nil
}

func (s *sessions) refuse(q url.Values, code, description string) (redirectURL string, err error) {
	if !slices.Contains(RefusalCodes(), code) {
		return "", fmt.Errorf("%w: %q", ErrRefusal, code)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.unanswered(q)
	if err != nil {
		return "", err
	}
	x.refuse(s.Switches())
	pairs := [][2]string{{"error", code}, {"state", x.state}}
	if description != "" {
		pairs = append(pairs, [2]string{"error_description", description})
	}
	return withQuery(x.redirectURL, pairs), nil
}

// withQuery appends parameters to a URL, in their order.
func withQuery(to string, parameters [][2]string) string {
	separator := "?"
	if strings.Contains(to, "?") {
		separator = "&"
	}
	for _, p := range parameters {
		to += separator + p[0] + "=" + url.QueryEscape(p[1])
		separator = "&"
	}
	return to
}
