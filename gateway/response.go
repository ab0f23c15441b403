package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/cachecontrol"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
)

// response is the [http.ResponseWriter] behind a site. Just before the header of an answer is written, it
// sets what caches may do, sets the gateway's cookie, and removes what an upstream must not send: X-Itsme
// headers and cookies under the gateway's names.
type response struct {
	http.ResponseWriter
	site    *Site
	state   *identity.RequestState
	varies  bool // clients with a login get another answer
	written bool // the final header was written
	fields  int  // in the header when it was written
	control [1]string
}

// pass gives a request to the next handler, and protects its answer.
func (s *Site) pass(w http.ResponseWriter, r *http.Request, state *identity.RequestState, next Next, varies bool) error {
	a := &response{ResponseWriter: w, site: s, state: state, varies: varies}
	err := next(a, r)
	a.end(err)
	return err
}

// WriteHeader implements [http.ResponseWriter].
func (a *response) WriteHeader(status int) {
	switch {
	case a.written:
	case status == http.StatusSwitchingProtocols:
		a.stripHeader()
		a.recordFields()
	case status >= 100 && status < 200:
		a.writeInformational(status)
		return
	default:
		a.completeHeader()
		a.recordFields()
	}
	a.ResponseWriter.WriteHeader(status)
}

// writeInformational writes a 1xx. It keeps every Set-Cookie for the final header: a browser stores cookies
// of a 1xx, and some caches add them to the answers that they keep.
func (a *response) writeInformational(status int) {
	a.stripHeader()
	h := a.Header()
	cookies, set := h["Set-Cookie"]
	delete(h, "Set-Cookie")
	a.ResponseWriter.WriteHeader(status)
	if set {
		h["Set-Cookie"] = cookies
	}
}

// begin writes the header of an answer whose handler wrote none.
func (a *response) begin() {
	if !a.written {
		a.WriteHeader(http.StatusOK)
	}
}

// recordFields counts the fields of the written header, so that end can see trailers.
func (a *response) recordFields() { a.written, a.fields = true, len(a.Header()) }

// end checks the header once more. Without a written header the server writes this one, or an error route
// writes an answer of its own, in which no cookie is safe. Trailers may have been added, which a handler in
// front that buffers the answer turns into headers.
func (a *response) end(err error) {
	switch h := a.Header(); {
	case !a.written && err == nil:
		a.completeHeader()
	case !a.written, len(h) != a.fields, len(h["Trailer"]) > 0:
		a.stripHeader()
		a.protect()
	}
}

// completeHeader completes the header before it is written.
func (a *response) completeHeader() {
	a.state.WriteCookie(a.Header())
	a.stripHeader()
	a.state.WriteNonce(a.Header())
	a.protect()
}

// stripHeader removes the fields that an upstream must not send, and those that only some caches obey.
func (a *response) stripHeader() {
	h := a.Header()
	for name := range h {
		if a.strips(name, h[name]) {
			delete(h, name)
			continue
		}
		cachecontrol.Respell(h, name)
	}
	if cookies := h["Set-Cookie"]; slices.ContainsFunc(cookies, a.forged) {
		if cookies = slices.DeleteFunc(slices.Clone(cookies), a.forged); len(cookies) == 0 {
			delete(h, "Set-Cookie")
			return
		}
		h["Set-Cookie"] = cookies
	}
}

// strips reports whether a field of the header, or of the trailers in it, must not reach the client.
func (a *response) strips(field string, values []string) bool {
	name, trailer := strings.CutPrefix(field, http.TrailerPrefix)
	switch answer := a.state.Answer; {
	case answer.Personal && cachecontrol.Targeted(name), trailer && strings.EqualFold(name, "Set-Cookie"):
		return true
	case answer.Endpoint:
		return false
	}
	return identity.IsIdentityHeader(name) || a.foreignNonce(name, values)
}

// foreignNonce reports whether an upstream sends a nonce for proofs that only the gateway checks.
func (a *response) foreignNonce(name string, values []string) bool {
	return strings.EqualFold(name, identity.NonceHeader) &&
		(a.state.Answer.Nonce == "" || len(values) != 1 || values[0] != a.state.Answer.Nonce)
}

// protect sets what caches may do with the answer.
func (a *response) protect() {
	if a.varies {
		cachecontrol.VaryByCredential(a.Header())
	}
	if a.state.Answer.Personal {
		cachecontrol.KeepPrivate(a.Header(), &a.control)
	}
}

// forged reports whether an upstream sends a Set-Cookie under one of the gateway's names. A browser stores a
// cookie without a name as its value alone, and sends that value as name and value.
func (a *response) forged(line string) bool {
	pair, _, _ := strings.Cut(line, ";")
	name, value, _ := strings.Cut(pair, "=")
	if strings.TrimSpace(name) == "" {
		name, _, _ = strings.Cut(value, "=")
	}
	return a.site.gateway.cookies.Owns(strings.TrimSpace(name)) &&
		!a.state.Answer.Endpoint && !slices.Contains(a.state.Answer.Cookies, line)
}

// Write implements [http.ResponseWriter].
func (a *response) Write(body []byte) (int, error) {
	a.begin()
	return a.ResponseWriter.Write(body)
}

// ReadFrom implements [io.ReaderFrom], so that the server can send files without a copy.
func (a *response) ReadFrom(body io.Reader) (int64, error) {
	a.begin()
	return io.Copy(a.ResponseWriter, body)
}

// Flush implements [http.Flusher].
func (a *response) Flush() { _ = a.FlushError() }

// FlushError implements the interface that [http.ResponseController] looks for.
func (a *response) FlushError() error {
	a.begin()
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Hijack implements [http.Hijacker]. The bytes after it are not HTTP.
func (a *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err == nil {
		a.recordFields()
	}
	return conn, buffered, err
}

// Unwrap returns the writer behind this one to [http.ResponseController].
func (a *response) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Targeted reports whether a field is a Cache-Control for some caches alone, such as CDN-Cache-Control (RFC
// 9213). No answer to a user has one.
func Targeted(name string) bool { return cachecontrol.Targeted(name) }
