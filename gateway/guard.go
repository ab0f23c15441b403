package gateway

import (
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/caddy-itsme/caddy-itsme/attribute"
)

// guard is the set of headers that only the gateway may hand to an upstream: every X-Itsme one,
// and the names that a site adds.
type guard struct {
	prefix string
	names  map[string]bool // folded
}

// newGuard owns the given names.
func newGuard(names ...string) guard {
	g := guard{names: make(map[string]bool, len(names))}
	for _, name := range names {
		g.names[fold(name)] = true
	}
	return g
}

// sharedGuard is what every site of a gateway strips: what one of them adds for its part of an
// upstream, a client must not supply to another part. The zero value owns the X-Itsme headers.
type sharedGuard struct {
	adding sync.Mutex
	all    atomic.Pointer[guard]
}

func (s *sharedGuard) load() guard {
	if g := s.all.Load(); g != nil {
		return *g
	}
	return guard{prefix: fold(attribute.HeaderPrefix)}
}

// add owns the names of one more site.
func (s *sharedGuard) add(site guard) {
	s.adding.Lock()
	defer s.adding.Unlock()
	sum := guard{prefix: fold(attribute.HeaderPrefix), names: maps.Clone(site.names)}
	maps.Copy(sum.names, s.load().names)
	s.all.Store(&sum)
}

// fold gives every spelling of a header's name that some server takes for the same one the same
// form. CGI and its many descendants write every character that is not a letter or digit as
// one and the same, so X_Itsme.Subject is X-Itsme-Subject to them.
func fold(name string) string { return string(appendFolded(nil, name)) }

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

// owns reports whether a header's name is ours under any spelling.
func (g guard) owns(name string) bool {
	if !g.suspect(name) {
		return false
	}
	var room [64]byte // on the stack, for every header of every request
	folded := appendFolded(room[:0], name)
	return (g.prefix != "" && strings.HasPrefix(string(folded), g.prefix)) || g.names[string(folded)]
}

// suspect is a cheap test that no own header fails: it spares the folding of names like Accept.
func (g guard) suspect(name string) bool {
	return len(g.names) > 0 || (name != "" && name[0]|0x20 == 'x')
}

// strip removes our headers from what the client sent: as headers, as trailers announced or
// not, and named in Connection to have a proxy delete the ones that we set. What a client would
// say in a tunnel behind the proxy cannot be stripped, so no tunnel for requests is opened.
func (g guard) strip(r *http.Request) {
	g.clean(r.Header)
	g.cleanConnection(r.Header)
	g.cleanTrailer(r)
	dropHTTPUpgrade(r.Header)
}

// dropHTTPUpgrade removes an offer to go on with HTTP/2 on the same connection (h2c), which nobody
// needs since RFC 9113 section 3.1. A proxy that hands it on, with whatever else is offered, is
// blind to the requests that follow. An Upgrade may be ignored (RFC 9110 section 7.8).
func dropHTTPUpgrade(h http.Header) {
	for _, line := range h["Upgrade"] {
		for _, protocol := range tokensIn(line) {
			if name := strings.ToLower(protocol); strings.HasPrefix(name, "h2") || strings.HasPrefix(name, "http") {
				delete(h, "Upgrade")
				return
			}
		}
	}
}

// tokensIn are the words of a field's value, whatever stands between them.
func tokensIn(value string) []string {
	return strings.FieldsFunc(value, noTokenChar)
}

func (g guard) clean(h http.Header) {
	for name := range h {
		if g.owns(name) {
			delete(h, name)
		}
	}
}

// cleanConnection takes our names off every Connection line, and leaves other lines as they are.
func (g guard) cleanConnection(h http.Header) {
	lines, kept := h["Connection"], []string(nil)
	for i, line := range lines {
		cleaned := g.withoutOwn(line)
		if cleaned != line && kept == nil {
			kept = append(make([]string, 0, len(lines)), lines[:i]...)
		}
		if kept != nil && cleaned != "" {
			kept = append(kept, cleaned)
		}
	}
	switch {
	case kept == nil:
	case len(kept) == 0:
		delete(h, "Connection")
	default:
		h["Connection"] = kept
	}
}

func (g guard) withoutOwn(line string) string {
	options := strings.Split(line, ",")
	kept := options[:0]
	for _, option := range options {
		if name := strings.TrimSpace(option); !g.owns(name) && !carriesBearer(name) {
			kept = append(kept, option)
		}
	}
	if len(kept) == len(options) {
		return line
	}
	return strings.TrimSpace(strings.Join(kept, ","))
}

// carriesBearer reports whether a name is the header in which the access token goes up: a client
// that had it deleted on the way would turn an identified request into an anonymous one.
func carriesBearer(name string) bool { return strings.EqualFold(name, "Authorization") }

// cleanTrailer removes our names from the trailers, and Authorization, which has no place there
// (RFC 9110 section 6.5.1) and which some servers read there all the same. Those that arrive come
// to the request's map while its body is read to the end, and a proxy copies them right then; so
// they are removed at that very moment.
func (g guard) cleanTrailer(r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	g.cleanTrailerFields(r.Trailer)
	if r.ContentLength >= 0 && r.ProtoMajor == 1 {
		return // only a chunked body has trailers
	}
	r.Body = &trailerGuard{ReadCloser: r.Body, request: r, guard: g}
}

func (g guard) cleanTrailerFields(h http.Header) {
	g.clean(h)
	delete(h, "Authorization")
}

type trailerGuard struct {
	io.ReadCloser
	request *http.Request
	guard   guard
}

func (t *trailerGuard) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if err != nil {
		t.guard.cleanTrailerFields(t.request.Trailer)
	}
	return n, err
}
