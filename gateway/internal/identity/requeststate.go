package identity

import (
	"context"
	"net/http"
	"slices"
)

// RequestState is what the sites that a request went through know of it.
type RequestState struct {
	// Sent is what the request was sent with, before the first site stripped it.
	Sent Sent
	// Credential is the verified credential, nil for a request that has none yet.
	Credential *Credential
	// Required is what all sites together require of the login.
	Required StepUp
	// SetCookie is the Set-Cookie that the answer must have, or empty.
	SetCookie string
	// Answer is what the sites know of the answer.
	Answer *Answer

	verifier *Verifier // of the gateway that stripped the request
	first    Answer    // Answer of the first state of a request
}

// Answer is what the sites that a request went through share of its answer. Each of them protects it: a
// handler between two of them may undo what the inner one did.
type Answer struct {
	// Personal says that the answer depends on the user, or sets a cookie of a gateway's.
	Personal bool
	// Endpoint says that an endpoint of a gateway answers, behind another gateway's site.
	Endpoint bool
	// Cookies are the Set-Cookie lines of gateways.
	Cookies []string
}

// WriteCookie sets the cookie of the answer, once.
func (s *RequestState) WriteCookie(h http.Header) {
	if s.SetCookie == "" {
		return
	}
	if !slices.Contains(h["Set-Cookie"], s.SetCookie) {
		h.Add("Set-Cookie", s.SetCookie)
	}
	s.Answer.Personal = true
	s.Answer.Cookies = append(s.Answer.Cookies, s.SetCookie)
}

type stateKey struct{}

// StateOf returns the state of a request from its context, nil for one that no site has seen.
func StateOf(ctx context.Context) *RequestState {
	s, _ := ctx.Value(stateKey{}).(*RequestState)
	return s
}

// Enter strips a request and notes what it was sent with. Behind a site of the same gateway nothing of
// the client's is left to strip. A site of another gateway strips what the first one set.
func (v *Verifier) Enter(r *http.Request) (*RequestState, *http.Request) {
	before := StateOf(r.Context())
	if before != nil && before.verifier == v {
		return before, r
	}
	s := &RequestState{Sent: SentBy(r), verifier: v}
	s.Answer = &s.first
	if before != nil {
		s.Sent, s.Answer = before.Sent, before.Answer
	}
	v.headers.load().Strip(r)
	v.config.Cookies.Strip(r.Header)
	return s, r.WithContext(context.WithValue(r.Context(), stateKey{}, s))
}
