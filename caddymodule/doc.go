// Package caddymodule makes Caddy modules of package gateway. It translates configuration, follows Caddy's
// lifecycle and hands requests to the gateway.
//
//	itsme                                  the app, which holds the gateways
//	itsme.stores.memory                    keeps pending sessions in the memory of one replica
//	itsme.stores.redis                     keeps them in Redis, for any number of replicas
//	http.handlers.itsme                    protects a site with a gateway
//	http.authentication.providers.itsme    bearer tokens for Caddy's authentication handler
//	admin.api.itsme                        serves what operators see and do while Caddy runs
//	caddy.logging.encoders.filter.itsme    keeps identities out of other modules' log lines
//
// It adds the command caddy itsme, with doctor, keys and token. What needs neither these modules nor their
// configuration is in packages below caddymodule/internal, which never import this one.
//
// The grammar of the global option stands at [App.UnmarshalCaddyfile], that of the directive at
// [Handler.UnmarshalCaddyfile]. Every JSON key equals its subdirective, letter for letter.
//
// Provision reads the configuration, expands its placeholders and makes the gateways, without
// network and without writing anything, so that it serves caddy validate as well. Start makes
// the signing keys or loads them from Caddy's storage. Caddy starts apps in any order; until
// ours has started, a gateway that has no keys yet answers 503 by itself.
package caddymodule
