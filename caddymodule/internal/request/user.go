package request

import (
	"context"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

const (
	// userPrefix begins the placeholders of an authenticated user, as Caddy's own authentication
	// handler names them. Caddy's access log takes user_id from its id.
	userPrefix = "http.auth.user."
	// userVar holds the identity that the placeholders show, nil without a login.
	userVar = "itsme_user"
)

// SetUser sets {http.auth.user.id} to the pseudonymous subject, and {http.auth.user.<claim>} to each claim
// of the identity. An absent claim is empty, and so are all without a login.
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
		// What an earlier authentication handler set would come first, and mix two users.
		replacer.DeleteByPrefix(userPrefix)
	}
	if !again {
		replacer.Map(func(key string) (any, bool) { return userPlaceholder(ctx, key) })
	}
}

// userPlaceholder looks the identity up when a placeholder is read: a later handler of another gateway may
// replace it, and most requests read none.
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
