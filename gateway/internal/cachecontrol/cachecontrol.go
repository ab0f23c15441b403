// Package cachecontrol sets what caches may do with an answer.
package cachecontrol

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// KeepPrivate changes the header of an answer so that no shared cache may store it (RFC 9111 section 3). A
// browser may still keep the answer as the upstream allows. The caller has removed targeted fields and called
// [Respell]. room becomes the memory of the Cache-Control line.
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

// namesAuthorization reports whether Vary holds the word Authorization anywhere.
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

// Targeted reports whether a field is a Cache-Control for some caches alone: CDN-Cache-Control and every
// other name with that ending, and older fields of Akamai, nginx, Fastly and Varnish.
func Targeted(name string) bool {
	const suffix = "-Cache-Control"
	if len(name) > len(suffix) && strings.EqualFold(name[len(name)-len(suffix):], suffix) {
		return true
	}
	return strings.EqualFold(name, "Edge-Control") || strings.EqualFold(name, "X-Accel-Expires") || strings.EqualFold(name, "Surrogate-Control")
}

// isPrivate reports whether Cache-Control needs no change: it has one line with private and no directive for
// shared caches.
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

// privateOf returns Cache-Control with private in the place of the directives for shared caches. private
// comes first, so that a cache that stops reading early has seen it.
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

// forShared reports whether a directive lets shared caches store an answer: public, s-maxage, or private with
// names of fields, which protects only those fields.
func forShared(directive string) bool {
	name, _, valued := strings.Cut(directive, "=")
	name = strings.TrimRight(name, " \t")
	return strings.EqualFold(name, "public") || strings.EqualFold(name, "s-maxage") ||
		(valued && strings.EqualFold(name, "private"))
}

// cutDirective returns the first directive of a Cache-Control line and the rest. A comma in a quoted string
// separates nothing. whole is false for a quoted string without an end, which caches read in different ways.
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

// VaryByCredential makes an answer vary by Cookie and Authorization.
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

// fieldLists reports whether the lines of a field hold an element.
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

// Respell moves a field that this package reads to the canonical name of net/http. A handler may write any
// spelling into the header, and all of them reach the client.
func Respell(h http.Header, name string) {
	for _, canonical := range [...]string{"Cache-Control", "Set-Cookie", "Vary"} {
		if len(name) == len(canonical) && name != canonical && strings.EqualFold(name, canonical) {
			h[canonical] = slices.Concat(h[canonical], h[name])
			delete(h, name)
		}
	}
}
