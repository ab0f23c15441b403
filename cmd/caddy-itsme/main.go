// Command caddy-itsme is Caddy with the itsme modules in it, and with the command demo.
package main

import (
	_ "time/tzdata"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-itsme/caddy-itsme/caddymodule"
)

func main() {
	caddy.CustomBinaryName = "caddy-itsme"
	caddycmd.RegisterCommand(demoCommand())
	caddycmd.Main()
}
