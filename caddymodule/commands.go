package caddymodule

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "itsme",
		Usage: "<command>",
		Short: "Looks after a gateway that logs people in with itsme",
		CobraFunc: func(c *cobra.Command) {
			for _, command := range commands() {
				c.AddCommand(command)
			}
		},
	})
}

// commands are what caddy itsme can do.
func commands() []*cobra.Command {
	return []*cobra.Command{
		doctorCommand(),
		keysCommand(),
		tokenCommand(),
	}
}
