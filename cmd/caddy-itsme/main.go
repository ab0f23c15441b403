// Command caddy-itsme is Caddy with the itsme modules and the command demo.
package main

import (
	"runtime/debug"
	_ "time/tzdata"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-itsme/caddy-itsme/caddymodule"
)

func main() {
	caddy.CustomBinaryName = "caddy-itsme"
	if built, ok := debug.ReadBuildInfo(); ok {
		caddy.CustomVersion = "caddy-itsme " + built.Main.Version + " with Caddy" // Caddy's version follows
	}
	caddycmd.RegisterCommand(demoCommand())
	caddycmd.Main()
}
