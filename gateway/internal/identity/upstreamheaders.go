package identity

import (
	"net/http"
	"net/textproto"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/attribute"
)

// authorization is the default header for the access token.
const authorization = "Authorization"

// Upstream describes what one upstream receives beside the X-Itsme headers.
type Upstream struct {
	headers []extraHeader
	token   string // canonical name of the header that carries the access token, or empty
}

type extraHeader struct{ name, claim string }

// AddHeader adds a header with the value of a claim.
func (u *Upstream) AddHeader(name, claim string) {
	u.headers = append(u.headers, extraHeader{textproto.CanonicalMIMEHeaderKey(name), claim})
}

// SetTokenHeader sets the header for the access token. Authorization holds a bearer token, any other header
// the token alone.
func (u *Upstream) SetTokenHeader(name string) { u.token = textproto.CanonicalMIMEHeaderKey(name) }

// TakesBearer reports whether the upstream gets the access token in Authorization.
func (u *Upstream) TakesBearer() bool { return u.token == authorization }

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

// SetHeaders sets the identity headers of a request to the upstream. All values of a request share one array
// of its own, so the handlers behind the site may append to the values and change them. It returns
// [ErrNoCredential] when the upstream needs an access token and none can be made.
func (g *Guard) SetHeaders(h http.Header, s *RequestState, u *Upstream) error {
	c := s.Credential
	var bearer string
	if u.token != "" { // first: without a token the request must get no identity header
		var err error
		if bearer, err = g.bearerOf(s); err != nil {
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
		set(attribute.Header(claim), c.values[i])
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
	return nil
}

// EmptyHeaders sets every header that only the gateway may send to an upstream to an empty value.
func (g *Guard) EmptyHeaders(h http.Header) {
	h[authorization] = []string{""}
	h[proofHeader] = []string{""}
	for _, name := range attribute.Headers() {
		h[name] = []string{""}
	}
	for name := range g.headers.load().names {
		h[textproto.CanonicalMIMEHeaderKey(name)] = []string{""}
	}
}
