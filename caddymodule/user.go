package caddymodule

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
	// userVar holds the identity whose placeholders are in force, nil for nobody's.
	userVar = "itsme_user"
)

// setUser makes {http.auth.user.id} the pseudonymous subject and {http.auth.user.<claim>} each
// claim of the identity. An absent claim is empty, and so is every one when nobody is logged in.
func setUser(ctx context.Context) {
	replacer, ok := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return
	}
	identity, found := gateway.IdentityFrom(ctx) // nil when nobody is logged in
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

// userPlaceholder looks the identity up when asked: a later handler of another gateway replaces
// it, and most requests never ask.
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
