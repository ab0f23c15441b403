// Package cachecontrol says to caches what they may do with an answer.
package cachecontrol

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// KeepPrivate changes the header of an answer so that no shared cache may store it (RFC 9111 section 3). A
// browser may still keep the answer as the upstream allows. The caller has removed targeted fields, and
// called [Respell]. The line of Cache-Control is stored in room.
func KeepPrivate(h http.Header, room *[1]string) {
	if lines := h["Cache-Control"]; !isPrivate(lines) {
		room[0] = privateOf(lines)
		h["Cache-Control"] = room[:]
	}
	if lines := h["Vary"]; namesAuthorization(lines) && !fieldLists(lines, "*") {
		// Souin, the cache of Caddy's cache-handler, stores a private answer whose Vary holds this word.
		h["Vary"] = []string{strings.Join(lines, ", ") + ", *"}
	}
}

// namesAuthorization reports whether the word stands anywhere in Vary.
func namesAuthorization(lines []string) bool {
	const word = "Authorization"
	for _, line := range lines {
		for i := 0; i+len(word) <= len(line); i++ {
			if strings.EqualFold(line[i:i+len(word)], word) {
				return true
			}
		}
	}
	return false
}

// DropTargeted removes the fields that some caches obey instead of Cache-Control (RFC 9213).
func DropTargeted(h http.Header) {
	for name := range h {
		if Targeted(name) {
			delete(h, name)
		}
	}
}

// Targeted reports whether a field is Cache-Control for some caches alone: CDN-Cache-Control and every
// other name with that ending, and older ones of Akamai, nginx, and of Fastly, Varnish and Akamai.
func Targeted(name string) bool {
	const suffix = "-Cache-Control"
	if len(name) > len(suffix) && strings.EqualFold(name[len(name)-len(suffix):], suffix) {
		return true
	}
	return strings.EqualFold(name, "Edge-Control") || strings.EqualFold(name, "X-Accel-Expires") || strings.EqualFold(name, "Surrogate-Control")
}

// isPrivate reports whether Cache-Control has nothing to be changed: one line with private, and
// nothing that speaks to shared caches.
func isPrivate(lines []string) bool {
	if len(lines) != 1 {
		return false
	}
	private := false
	for rest := lines[0]; rest != ""; {
		var directive string
		var whole bool
		directive, rest, whole = cutDirective(rest)
		if !whole || forShared(directive) {
			return false
		}
		private = private || strings.EqualFold(directive, "private")
	}
	return private
}

// privateOf is Cache-Control with private in the place of what speaks to shared caches. It stands
// first: a cache has read it before it reads the rest.
func privateOf(lines []string) string {
	const private = "private"
	size := len(private)
	for _, line := range lines {
		size += len(", ") + len(line)
	}
	if size == len(private) {
		return private
	}
	kept := append(make([]byte, 0, size), private...)
	for _, rest := range lines {
		for rest != "" {
			var directive string
			var whole bool
			directive, rest, whole = cutDirective(rest)
			if whole && directive != "" && !forShared(directive) && !strings.EqualFold(directive, private) {
				kept = append(append(kept, ", "...), directive...)
			}
		}
	}
	return string(kept)
}

// forShared reports whether a directive lets shared caches store an answer: public, s-maxage, and
// private with the names of fields, which protects those fields alone.
func forShared(directive string) bool {
	name, _, valued := strings.Cut(directive, "=")
	name = strings.TrimRight(name, " \t")
	return strings.EqualFold(name, "public") || strings.EqualFold(name, "s-maxage") ||
		(valued && strings.EqualFold(name, "private"))
}

// cutDirective takes the first directive off a line of Cache-Control. A comma in a quoted string
// separates nothing. Of a quoted string without an end, which caches read in different ways, whole is
// false.
func cutDirective(line string) (directive, rest string, whole bool) {
	quoted, end := false, len(line)
scan:
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ',' && !quoted:
			end = i
			break scan
		}
	}
	return textproto.TrimString(line[:end]), line[min(end+1, len(line)):], !quoted
}

// VaryByCredential says that an answer depends on Cookie and Authorization.
func VaryByCredential(h http.Header) {
	lines := h["Vary"]
	missing := make([]string, 0, 2)
	for _, name := range []string{"Cookie", "Authorization"} {
		if !fieldLists(lines, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 && len(lines) == 1 || fieldLists(lines, "*") {
		return
	}
	h["Vary"] = []string{strings.Join(slices.Concat(lines, missing), ", ")}
}

// fieldLists reports whether a field's lines hold an element.
func fieldLists(lines []string, element string) bool {
	for _, line := range lines {
		for listed := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(textproto.TrimString(listed), element) {
				return true
			}
		}
	}
	return false
}

// Respell gives a field that is read here the name under which net/http keeps it. A handler may write into
// the header under any other spelling, and all of them reach the client.
func Respell(h http.Header, name string) {
	for _, canonical := range [...]string{"Cache-Control", "Set-Cookie", "Vary"} {
		if len(name) == len(canonical) && name != canonical && strings.EqualFold(name, canonical) {
			h[canonical] = slices.Concat(h[canonical], h[name])
			delete(h, name)
		}
	}
}
