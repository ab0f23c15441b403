package command

import (
	"errors"

	"github.com/spf13/cobra"
)

const keysHelp = `
Lists and rotates the keys that sign tokens. With store redis the keys are in
Redis. Without it, or with token { keys storage }, they are in Caddy's storage.
Replicas see a change within a minute.

While Caddy runs this configuration and its admin endpoint answers, the commands
use that endpoint. They then need no environment, and no access to storage or
Redis.

Otherwise the commands use storage and Redis themselves. Run them with Caddy's
environment, as Caddy's user or as root. Each file keeps its owner; if the owner
cannot be kept, the commands change nothing.
`

const keysRotateHelp = `
Makes the next key sign from now on. A key that is younger than 30 minutes takes
over at that age, when every service that verifies tokens knows it. No user is
logged out: the previous key stays published until its last token has expired.

Rotation does not help when a key has leaked: an attacker can make tokens with the
key while it is published. Use --drop <kid> then. Each replica refuses every token
of the key as soon as it sees the change, and those logins are lost: nothing opens
the cookies and tokens that the key encrypted. If the dropped
key was the one that signs, the next key takes over. Services that verify tokens
themselves may accept the dropped key for 15 minutes more, while they keep the
JWKS.

A dropped key never signs or verifies again, even if a backup with the key is
restored: its ID stays in Redis, in Caddy's storage and in every process. If all of
them lost the ID (storage restored while Caddy was stopped, and no Redis), drop the
key again. keys list marks the keys that are older than the last drop.

When the storage itself has leaked, use --drop all: all users log in again, except in
apps with a refresh token, which refresh. The new key then signs before services know
it. Services that keep the JWKS may refuse
new tokens for 15 minutes.

Without --gateway, the command applies to every gateway, and --drop <kid> to the
gateway that has the key.
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
		Short: "Lists the keys, without their private parts",
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
		Short: "Makes the next key sign, or drops a key that has leaked",
		Long:  keysRotateHelp,
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if command.Flags().Changed("drop") && len(drop) == 0 { // --drop "$KID" without a KID must not rotate
				return errors.New("--drop names no key; caddy itsme keys list shows them")
			}
			return in.withGateways(command, a, func(gateways []Gateway) error {
				if err := rotateKeys(command.Context(), command.ErrOrStderr(), gateways, drop); err != nil {
					return err
				}
				return listKeys(command.Context(), command.OutOrStdout(), gateways)
			})
		},
	}
	command.Flags().StringSliceVar(&drop, "drop", nil, "kid of a key to remove at once, or all; may repeat")
	return command
}
