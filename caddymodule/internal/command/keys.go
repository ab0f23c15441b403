package command

import (
	"errors"

	"github.com/spf13/cobra"
)

const keysHelp = `
Lists and rotates the keys that sign tokens. They are in Redis with store redis,
and in Caddy's storage without it or with token { keys storage }. Replicas see a
change within a minute.

While Caddy runs this configuration and its admin endpoint answers, the commands
ask it. Then they need nothing else: no environment, and no access to storage or
Redis.

Otherwise they work on storage and Redis themselves. Run them with the environment
of Caddy, as its user or as root. Files stay the property of their owner; where
that is impossible, nothing is changed.
`

const keysRotateHelp = `
Lets the next key sign from now on. One that is younger than 30 minutes takes
over when it is that old, so that every service that verifies tokens knows it by
then. Nobody is logged out: the key before stays published until its last token
has expired.

That does not help when a key has leaked: whoever has it can make tokens for as
long as it is published. Then --drop it. Every token that it signed is refused
as soon as a replica sees the change, and those logins are lost. If it was the
one that signs, the next key takes over. Services that verify tokens themselves
may accept the dropped key for 15 minutes more, as long as they keep the JWKS.

A dropped key never signs or verifies again, also when a backup is restored that
has it: its ID stays in Redis, in Caddy's storage and in every process. Where all
of them lost it (storage restored while Caddy was stopped, and no Redis), drop it
again: keys list marks the keys that are older than the last drop.

When the storage itself has leaked, --drop all: everybody is logged out. The new
key signs before anybody knows it, so that for those 15 minutes services that
keep the JWKS may refuse new tokens.

Without --gateway, this is done for every gateway; --drop <kid> for the one that
has the key.
`

func keysCommand(a Adapter) *cobra.Command {
	var in configFlags
	command := &cobra.Command{Use: "keys <command>", Short: "Lists and rotates the keys that sign tokens", Long: keysHelp}
	in.register(command)
	command.AddCommand(keysListCommand(a, &in), keysRotateCommand(a, &in))
	return command
}

func keysListCommand(a Adapter, in *configFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Lists the keys, without what is secret of them",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return in.withGateways(command, a, func(gateways []Gateway) error {
				return listKeys(command.Context(), command.OutOrStdout(), gateways)
			})
		},
	}
}

func keysRotateCommand(a Adapter, in *configFlags) *cobra.Command {
	var drop []string
	command := &cobra.Command{
		Use:   "rotate [--drop <kid>]",
		Short: "Lets the next key sign, or drops one that has leaked",
		Long:  keysRotateHelp,
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if command.Flags().Changed("drop") && len(drop) == 0 { // --drop "$KID" without a KID must not rotate
				return errors.New("--drop names no key; caddy itsme keys list shows them")
			}
			return in.withGateways(command, a, func(gateways []Gateway) error {
				if err := rotateKeys(command.Context(), gateways, drop); err != nil {
					return err
				}
				return listKeys(command.Context(), command.OutOrStdout(), gateways)
			})
		},
	}
	command.Flags().StringSliceVar(&drop, "drop", nil, "kid of a key to remove at once, or all; may repeat")
	return command
}
