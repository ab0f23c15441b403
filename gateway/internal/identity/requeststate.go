package identity

import (
	"context"
	"net/http"
	"slices"
)

// RequestState holds what the sites on the way of a request share about it.
type RequestState struct {
	// Sent holds the credentials that the client sent, before the first site stripped them.
	Sent CredentialHeaders
	// Credential is the verified credential, nil before a site verified one.
	Credential *Credential
	// Required holds the requirements of all sites together.
	Required StepUp
	// SetCookie is the Set-Cookie for the answer, or empty.
	SetCookie string
	// Answer holds the state of the answer.
	Answer *Answer

	guard  *Guard // of the gateway that stripped the request
	first  Answer // Answer of the first state of a request
	sent   bool   // a site set the identity headers of its upstream
	bearer string // the Authorization among them, or empty

	checked CheckedProof // of the first state of a request
}

// Answer holds what the sites on the way of a request share about its answer. Every site protects the answer:
// a handler between two sites may undo the work of the inner one.
type Answer struct {
	// Personal says that the answer depends on the user or sets a gateway's cookie.
	Personal bool
	// Endpoint says that an endpoint of a gateway answers, behind another gateway's site.
	Endpoint bool
	// Cookies holds the Set-Cookie lines of gateways.
	Cookies []string
	// Nonce is the DPoP-Nonce of a gateway, or empty.
	Nonce string
}

// WriteNonce sets the nonce for the client's next proof, if the proof of this request had an old one.
func (s *RequestState) WriteNonce(h http.Header) {
	if s.Sent.Checked == nil || s.Sent.Checked.FreshNonce == "" {
		return
	}
	s.Answer.Nonce = s.Sent.Checked.FreshNonce
	h[NonceHeader] = []string{s.Answer.Nonce}
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

// StateOf returns the state of a request from its context, or nil before the first site.
func StateOf(ctx context.Context) *RequestState {
	s, _ := ctx.Value(stateKey{}).(*RequestState)
	return s
}

// Enter strips a request and keeps its credentials in a state. Behind a site of the same gateway it does
// nothing: the client's headers are gone. A site of another gateway strips the headers that the first gateway
// set.
func (g *Guard) Enter(r *http.Request) (*RequestState, *http.Request) {
	before := StateOf(r.Context())
	if before != nil && before.guard == g {
		return before, r
	}
	s := &RequestState{Sent: CredentialHeadersOf(r), guard: g}
	s.Answer, s.Sent.Checked = &s.first, &s.checked
	if before != nil {
		s.Sent, s.Answer = before.Sent, before.Answer
	}
	g.headers.load().Strip(r)
	g.config.Cookies.Strip(r.Header)
	return s, r.WithContext(context.WithValue(r.Context(), stateKey{}, s))
}
