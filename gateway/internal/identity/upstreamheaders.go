package identity

import (
	"context"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/attribute"
)

// ReserveHeaders reserves the upstream's headers for the gateway. All sites of the gateway strip them from now on.
func (g *Guard) ReserveHeaders(u *Upstream) {
	var names []string
	for _, h := range u.headers {
		names = append(names, h.name)
	}
	if u.token != "" && u.token != authorization {
		names = append(names, u.token)
	}
	g.headers.add(NewReservedHeaders(names...))
}

// SetHeaders sets the identity headers of a request to the upstream, and leaves none of an earlier site's. All values
// of a request share one array of its own, so the handlers behind the site may append to the values and change them.
// After an error the request has no identity header. The error is [ErrNoCredential] or [ErrToken] when the upstream
// needs a token and none can be minted, [ErrStarting] without keys, or one of Config.Revoked.
func (g *Guard) SetHeaders(ctx context.Context, h http.Header, s *RequestState, u *Upstream) error {
	g.dropSent(h, s)
	c := s.Credential
	var bearer string
	if u.token != "" { // first: without a token the request must get no identity header
		var err error
		if bearer, err = g.bearerFor(ctx, c, u); err != nil {
			return err
		}
	}
	values := make([]string, 0, len(c.values)+len(u.headers)+1)
	set := func(name, value string) {
		if value == "" {
			delete(h, name)
			return
		}
		n := len(values)
		values = append(values, value)
		h[name] = values[n : n+1 : n+1]
	}
	for i, claim := range c.upstreamClaims {
		if u.receives(claim) {
			set(attribute.Header(claim), c.values[i])
		}
	}
	for _, extra := range u.headers {
		set(extra.name, c.value(extra.claim))
	}
	switch u.token {
	case "":
	case authorization:
		set(u.token, bearer)
	default:
		set(u.token, strings.TrimPrefix(bearer, bearerPrefix))
	}
	s.sent, s.bearer = true, bearer
	return nil
}

// dropSent removes what an earlier site of the gateway set for its upstream. The last site decides what the upstream
// receives.
func (g *Guard) dropSent(h http.Header, s *RequestState) {
	if !s.sent {
		return
	}
	s.sent = false
	g.headers.load().clean(h)
	if lines := h[authorization]; s.bearer != "" && len(lines) == 1 && lines[0] == s.bearer {
		delete(h, authorization)
	}
}

// EmptyHeaders sets every header that only the gateway may send to an upstream to an empty value.
func (g *Guard) EmptyHeaders(h http.Header) {
	h[authorization] = []string{""}
	h[proofHeader] = []string{""}
	for _, name := range attribute.Headers() {
		h[name] = []string{""}
	}
	for _, claim := range g.config.Claims { // an age claim is in no list
		h[attribute.Header(claim)] = []string{""}
	}
	for name := range g.headers.load().names {
		h[textproto.CanonicalMIMEHeaderKey(name)] = []string{""}
	}
}
