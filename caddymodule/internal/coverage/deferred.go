package coverage

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// deferredFields returns the response fields that itsme sets or removes and that a header handler changes
// after it.
func deferredFields(ops *headers.RespHeaderOps) (fields []string) {
	if ops == nil || ops.HeaderOps == nil || !ops.Deferred && ops.Require == nil {
		return nil
	}
	note := func(name string, values []string) {
		// An operation that runs only when the field is absent keeps the value that itsme has set.
		if !slices.Contains(fields, name) && (gateway.Targeted(name) || !keepsPrivate(name, values) && !onlyIfAbsent(ops, name)) {
			fields = append(fields, name)
		}
	}
	for name, values := range ops.Set {
		if controlsCaching(name) {
			note(name, values)
		}
	}
	for name, values := range ops.Add {
		if controlsCaching(name) && !strings.EqualFold(name, "Vary") {
			note(name, values)
		}
	}
	for _, pattern := range ops.Delete {
		for _, name := range itsmeFields {
			if deletes(pattern, name) {
				note(name, nil)
			}
		}
	}
	for name := range ops.Replace {
		for _, changed := range itsmeFields {
			if name == "*" || strings.EqualFold(name, changed) {
				note(changed, nil)
			}
		}
		if controlsCaching(name) {
			note(name, nil)
		}
	}
	slices.Sort(fields)
	return fields
}

// itsmeFields are the fields that itsme sets.
var itsmeFields = []string{"Cache-Control", "Set-Cookie", "Vary"}

// controlsCaching reports whether a field controls caches or sets a cookie. A name with a placeholder may
// become any name.
func controlsCaching(name string) bool {
	return strings.Contains(name, "{") || gateway.Targeted(name) || slices.ContainsFunc(itsmeFields, func(own string) bool { return strings.EqualFold(own, name) })
}

// keepsPrivate reports whether values of Cache-Control keep a response out of shared caches.
func keepsPrivate(name string, values []string) bool {
	return strings.EqualFold(name, "Cache-Control") && slices.ContainsFunc(values, func(value string) bool {
		return slices.ContainsFunc(strings.Split(value, ","), func(directive string) bool {
			directive = strings.ToLower(strings.TrimSpace(directive))
			return directive == "no-store" || directive == "private"
		})
	})
}

// onlyIfAbsent reports whether the operations run only on responses without the field.
func onlyIfAbsent(ops *headers.RespHeaderOps, name string) bool {
	if ops.Require == nil {
		return false
	}
	values, asked := ops.Require.Headers[name]
	return asked && values == nil
}

// deletes reports whether a pattern of deleted fields matches a name, as documented for HeaderOps.
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
