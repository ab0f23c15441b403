// Package caddyitsme puts itsme®, the Belgian eID, in front of any HTTP service.
//
// Importing it registers the Caddy modules of package caddymodule, which is what
//
//	xcaddy build --with github.com/caddy-itsme/caddy-itsme
//
// does. It exports nothing.
package caddyitsme

import _ "github.com/caddy-itsme/caddy-itsme/caddymodule"
