// Package caddymodule adapts package gateway to Caddy. It translates the configuration, follows Caddy's
// lifecycle and passes requests to the gateway. It registers these modules:
//
//	itsme                                  the app, which holds the gateways
//	itsme.stores.memory                    keeps pending sessions in the memory of one replica
//	itsme.stores.redis                     keeps pending sessions in Redis, for any number of replicas
//	http.handlers.itsme                    protects a site with a gateway
//	http.authentication.providers.itsme    accepts bearer tokens in Caddy's authentication handler
//	admin.api.itsme                        shows gateways to operators, revokes logins and rotates keys
//	caddy.logging.encoders.filter.itsme    keeps identities out of other modules' log lines
//
// It adds the command caddy itsme, with doctor, keys, revoke, token and version. Code that needs neither these modules nor
// their configuration is in packages below caddymodule/internal, which never import this one.
//
// The doc comment of [App.UnmarshalCaddyfile] has the grammar of the global option, and that of
// [Handler.UnmarshalCaddyfile] the grammar of the directive. Every JSON key equals its subdirective.
//
// Provision reads the configuration, expands its placeholders and makes the gateways. It uses no network
// and writes nothing, as caddy validate requires. Start loads the signing keys from Caddy's storage, or
// makes them. Caddy starts apps in any order: until this app has started, a gateway without keys answers
// 503.
package caddymodule
