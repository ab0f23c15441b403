// Command caddy-itsme is Caddy with the itsme modules and the command demo.
package main

import (
	_ "time/tzdata"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-itsme/caddy-itsme/caddymodule"
	"github.com/caddy-itsme/caddy-itsme/internal/version"
)

func main() {
	caddy.CustomBinaryName = "caddy-itsme"
	caddy.CustomVersion = "caddy-itsme " + version.Text() + " with Caddy" // Caddy appends its own version
	caddycmd.RegisterCommand(demoCommand())
	caddycmd.Main()
}
