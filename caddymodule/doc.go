// Package caddymodule makes Caddy modules of package gateway: it translates configuration,
// follows Caddy's lifecycle and hands requests over, and decides nothing of its own.
//
//	itsme                                  the app, which holds the gateways
//	itsme.stores.memory                    where a gateway of one replica keeps pending sessions
//	itsme.stores.redis                     where one of several replicas does
//	http.handlers.itsme                    what a site does with a gateway
//	http.authentication.providers.itsme    bearer tokens for Caddy's authentication handler
//	admin.api.itsme                        what operators see and do while Caddy runs
//	caddy.logging.encoders.filter.itsme    keeps identities out of other modules' log lines
//
// It adds the command caddy itsme, with doctor, keys and token.
//
// The grammar of the global option stands at [App.UnmarshalCaddyfile], that of the directive at
// [Handler.UnmarshalCaddyfile]. Every JSON key equals its subdirective, letter for letter.
//
// Provision reads the configuration, expands its placeholders and makes the gateways, without
// network and without writing anything, so that it serves caddy validate as well. Start makes
// the signing keys or loads them from Caddy's storage. Caddy starts apps in any order; until
// ours has started, a gateway that has no keys yet answers 503 by itself.
package caddymodule
