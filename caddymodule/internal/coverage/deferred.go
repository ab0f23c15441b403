package coverage

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// deferredFields returns the fields that itsme sets or removes, and that a header handler changes after it.
func deferredFields(ops *headers.RespHeaderOps) (fields []string) {
	if ops == nil || ops.HeaderOps == nil || !ops.Deferred && ops.Require == nil {
		return nil
	}
	note := func(name string, values []string) {
		// An operation that asks for the field's absence leaves alone what itsme has set.
		if !slices.Contains(fields, name) && (gateway.Targeted(name) || !harmless(name, values) && !asksForAbsence(ops, name)) {
			fields = append(fields, name)
		}
	}
	for name, values := range ops.Set {
		if decides(name) {
			note(name, values)
		}
	}
	for name, values := range ops.Add {
		if decides(name) && !strings.EqualFold(name, "Vary") {
			note(name, values)
		}
	}
	for _, pattern := range ops.Delete {
		for _, name := range settled {
			if deletes(pattern, name) {
				note(name, nil)
			}
		}
	}
	for name := range ops.Replace {
		for _, changed := range settled {
			if name == "*" || strings.EqualFold(name, changed) {
				note(changed, nil)
			}
		}
		if decides(name) {
			note(name, nil)
		}
	}
	slices.Sort(fields)
	return fields
}

// settled are the fields that itsme sets.
var settled = []string{"Cache-Control", "Set-Cookie", "Vary"}

// decides reports whether a field controls caches, or sets a cookie. A name with a placeholder may become
// any.
func decides(name string) bool {
	return strings.Contains(name, "{") || gateway.Targeted(name) || slices.ContainsFunc(settled, func(own string) bool { return strings.EqualFold(own, name) })
}

// harmless reports whether values of Cache-Control keep an answer out of shared caches.
func harmless(name string, values []string) bool {
	return strings.EqualFold(name, "Cache-Control") && slices.ContainsFunc(values, func(value string) bool {
		return slices.ContainsFunc(strings.Split(value, ","), func(directive string) bool {
			directive = strings.ToLower(strings.TrimSpace(directive))
			return directive == "no-store" || directive == "private"
		})
	})
}

// asksForAbsence reports whether operations happen only to answers without the field.
func asksForAbsence(ops *headers.RespHeaderOps, name string) bool {
	if ops.Require == nil {
		return false
	}
	values, asked := ops.Require.Headers[name]
	return asked && values == nil
}

// deletes reports whether a pattern of deleted fields fits a name, as documented for HeaderOps.
func deletes(pattern, name string) bool {
	pattern, name = strings.ToLower(pattern), strings.ToLower(name)
	rest, suffix := strings.CutPrefix(pattern, "*")
	part, prefix := strings.CutSuffix(rest, "*")
	switch {
	case pattern == "*" || strings.Contains(pattern, "{"):
		return true
	case suffix && prefix:
		return strings.Contains(name, part)
	case suffix:
		return strings.HasSuffix(name, rest)
	case prefix:
		return strings.HasPrefix(name, part)
	}
	return pattern == name
}
