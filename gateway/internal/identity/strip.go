package identity

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// ReservedHeaders is the set of headers that only the gateway may send to an upstream: all X-Itsme headers, DPoP, and the
// names that a site adds. The zero value holds the X-Itsme headers and DPoP.
type ReservedHeaders struct {
	names map[string]bool // folded
}

// NewReservedHeaders returns the set of the X-Itsme headers and the given ones.
func NewReservedHeaders(names ...string) ReservedHeaders {
	h := ReservedHeaders{names: make(map[string]bool, len(names))}
	for _, name := range names {
		h.names[Fold(name)] = true
	}
	return h
}

// sharedHeaders holds the headers that every site of a gateway strips. If one site adds a header for its part
// of an upstream, a client must not supply it to another part. The zero value holds the X-Itsme headers.
type sharedHeaders struct {
	adding sync.Mutex
	all    atomic.Pointer[ReservedHeaders]
}

func (s *sharedHeaders) load() ReservedHeaders {
	if h := s.all.Load(); h != nil {
		return *h
	}
	return ReservedHeaders{}
}

// add adds the names of one more site.
func (s *sharedHeaders) add(site ReservedHeaders) {
	s.adding.Lock()
	defer s.adding.Unlock()
	sum := ReservedHeaders{names: maps.Clone(site.names)}
	maps.Copy(sum.names, s.load().names)
	s.all.Store(&sum)
}

// foldedPrefix is [attribute.HeaderPrefix], folded.
const foldedPrefix = "x-itsme-"

// IsIdentityHeader reports whether a header's name begins with X-Itsme-, under any spelling.
func IsIdentityHeader(name string) bool {
	if len(name) < len(foldedPrefix) || name[0]|0x20 != 'x' {
		return false
	}
	var room [len(foldedPrefix)]byte
	return string(appendFolded(room[:0], name[:len(foldedPrefix)])) == foldedPrefix
}

// Fold returns one form for all spellings of a name that some server reads as the same name. CGI and many
// servers after it replace every character that is not a letter or digit by the same one: to them
// X_Itsme.Subject is X-Itsme-Subject.
func Fold(name string) string { return string(appendFolded(nil, name)) }

func appendFolded(folded []byte, name string) []byte {
	for i := range len(name) {
		b := name[i]
		switch {
		case b >= 'A' && b <= 'Z':
			b += 'a' - 'A'
		case b >= 'a' && b <= 'z', b >= '0' && b <= '9':
		default:
			b = '-'
		}
		folded = append(folded, b)
	}
	return folded
}

// Has reports whether the set holds a name, under any spelling.
func (s ReservedHeaders) Has(name string) bool {
	if IsIdentityHeader(name) || strings.EqualFold(name, proofHeader) {
		return true
	}
	if len(s.names) == 0 {
		return false // most names need no folding
	}
	var room [64]byte // on the stack: this runs for every header of every request
	return s.names[string(appendFolded(room[:0], name))]
}

// Strip removes the headers of the set from a request: as headers, as announced or unannounced trailers, and
// as names in Connection, which would make a proxy delete the headers that we set. No site sees the requests
// that follow on a connection that became HTTP/2, so Strip removes an offer of HTTP/2 (h2c).
func (s ReservedHeaders) Strip(r *http.Request) {
	s.clean(r.Header)
	s.cleanConnection(r.Header)
	s.cleanTrailer(r)
	dropHTTPUpgrade(r.Header)
}

// dropHTTPUpgrade removes an offer to continue with HTTP/2 on the same connection (h2c), which RFC 9113
// section 3.1 made obsolete. A proxy that forwards the offer does not see the requests that follow. A server
// may ignore an Upgrade (RFC 9110 section 7.8).
func dropHTTPUpgrade(h http.Header) {
	for _, line := range h["Upgrade"] {
		for _, protocol := range wordsIn(line) {
			if name := strings.ToLower(protocol); strings.HasPrefix(name, "h2") || strings.HasPrefix(name, "http") {
				delete(h, "Upgrade")
				return
			}
		}
	}
}

// wordsIn returns the words of a field's value, whatever separates them.
func wordsIn(value string) []string {
	return strings.FieldsFunc(value, notTokenChar)
}

func (s ReservedHeaders) clean(h http.Header) {
	for name := range h {
		if s.Has(name) {
			delete(h, name)
		}
	}
}

// cleanConnection removes the names of the set from every Connection line. Other lines stay.
func (s ReservedHeaders) cleanConnection(h http.Header) {
	own := func(option string) bool {
		name := strings.TrimSpace(option)
		return s.Has(name) || isAuthorization(name)
	}
	rewriteLines(h, "Connection", func(line string) string {
		options := strings.Split(line, ",")
		if !slices.ContainsFunc(options, own) {
			return line
		}
		return strings.TrimSpace(strings.Join(slices.DeleteFunc(options, own), ","))
	})
}

// rewriteLines replaces every line of a field. A line that becomes empty goes. Other requests may share the array of the
// lines, so it stays as it is.
func rewriteLines(h http.Header, name string, rewrite func(string) string) {
	var kept []string
	for _, line := range h[name] {
		if rewritten := rewrite(line); rewritten != "" || line == "" {
			kept = append(kept, rewritten)
		}
	}
	if len(kept) == 0 {
		delete(h, name)
		return
	}
	h[name] = kept
}

// isAuthorization reports whether a name is Authorization, which carries the access token to the upstream. A
// client that makes a proxy delete it would turn an identified request into an anonymous one.
func isAuthorization(name string) bool { return strings.EqualFold(name, "Authorization") }

// cleanTrailer removes the headers of the set from the trailers. It removes Authorization too, which RFC 9110
// section 6.5.1 forbids there and some servers still read. The server adds trailers to the request when its
// body ends, and a proxy copies them right then. So they are removed at the end of the body.
func (s ReservedHeaders) cleanTrailer(r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	s.cleanTrailerFields(r.Trailer)
	if r.ContentLength >= 0 && r.ProtoMajor == 1 {
		return // only a chunked body has trailers
	}
	r.Body = &strippedTrailer{ReadCloser: r.Body, request: r, headers: s}
}

func (s ReservedHeaders) cleanTrailerFields(h http.Header) {
	s.clean(h)
	delete(h, "Authorization")
}

type strippedTrailer struct {
	io.ReadCloser
	request *http.Request
	headers ReservedHeaders
}

func (t *strippedTrailer) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if err != nil {
		t.headers.cleanTrailerFields(t.request.Trailer)
	}
	return n, err
}
