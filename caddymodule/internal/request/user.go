package request

import (
	"context"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

const (
	// userPrefix begins the placeholders of an authenticated user, as Caddy's authentication handler names
	// them. Caddy's access log reads user_id from http.auth.user.id.
	userPrefix = "http.auth.user."
	// userVar holds the identity that the placeholders show, nil without a login.
	userVar = "itsme_user"
)

// SetUser sets {http.auth.user.id} to the pseudonymous subject, and {http.auth.user.<claim>} to each claim
// of the identity. The placeholder of an absent claim is empty. Without a login all are empty.
func SetUser(ctx context.Context) {
	replacer, ok := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return
	}
	identity, found := gateway.IdentityFrom(ctx) // nil without a login
	before, again := caddyhttp.GetVar(ctx, userVar).(*gateway.Identity)
	if again && before == identity {
		return
	}
	caddyhttp.SetVar(ctx, userVar, identity)
	if found {
		// Placeholders of an earlier authentication handler would win, and mix two users.
		replacer.DeleteByPrefix(userPrefix)
	}
	if !again {
		replacer.Map(func(key string) (any, bool) { return userPlaceholder(ctx, key) })
	}
}

// userPlaceholder reads the identity when a placeholder is expanded, and not before: a later handler of
// another gateway may replace the identity, and most requests expand no placeholder.
func userPlaceholder(ctx context.Context, key string) (any, bool) {
	claim, ok := strings.CutPrefix(key, userPrefix)
	if !ok {
		return nil, false
	}
	identity, _ := caddyhttp.GetVar(ctx, userVar).(*gateway.Identity)
	if identity == nil {
		return "", true
	}
	if claim == "id" {
		return identity.Subject, true
	}
	value, _ := identity.Claim(claim)
	return value, true
}
