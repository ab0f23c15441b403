// Package golden starts a gateway of today on what a gateway of each release left in Redis and in Caddy's storage. An
// upgrade logs no user out, and lets no revoked token and no dropped key come back.
package golden
