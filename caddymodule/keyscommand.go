package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// everyKey stands for the kid of every key.
const everyKey = "all"

const keysHelp = `
Looks after the keys that sign tokens. They are in the storage that the
configuration names, where all replicas share them, so that this works while
Caddy runs. Replicas see a change within a minute; caddy reload --force makes
one see it at once.

Run this as the user that Caddy runs as, with the same environment: else it
looks for another storage, or leaves files there that Caddy may not read.
`

const keysRotateHelp = `
Lets the next key sign from now on. One that is younger than 30 minutes takes
over when it is that old, so that everybody who verifies tokens knows it by
then. Nobody is logged out: the key before stays published until its last token
has expired.

That does not help when a key has leaked: whoever has it can make tokens for as
long as it is published. Then --drop it. Every token that it signed is refused
as soon as a replica sees the change, and those logins are lost. If it was the
one that signs, the next key takes over. Services that verify tokens themselves
may accept the dropped key for 15 minutes more, as long as they keep the JWKS.

When the storage itself has leaked, --drop all: everybody is logged out. The new
key signs before anybody knows it, so that for those 15 minutes services that
keep the JWKS may refuse new tokens.
`

func keysCommand() *cobra.Command {
	var in configFlags
	command := &cobra.Command{Use: "keys <command>", Short: "Lists and rotates the keys that sign tokens", Long: keysHelp}
	in.register(command)
	command.AddCommand(keysListCommand(&in), keysRotateCommand(&in))
	return command
}

func keysListCommand(in *configFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Lists the keys, without what is secret of them",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return in.withKeys(command, func(keys []gatewayKeys) error {
				return listKeys(command.Context(), command.OutOrStdout(), keys)
			})
		},
	}
}

func keysRotateCommand(in *configFlags) *cobra.Command {
	var drop []string
	command := &cobra.Command{
		Use:   "rotate [--drop <kid>]",
		Short: "Lets the next key sign, or drops one that has leaked",
		Long:  keysRotateHelp,
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return in.withKeys(command, func(keys []gatewayKeys) error {
				if err := rotateKeys(command.Context(), keys, drop); err != nil {
					return err
				}
				return listKeys(command.Context(), command.OutOrStdout(), keys)
			})
		},
	}
	command.Flags().StringSliceVar(&drop, "drop", nil, "kid of a key to remove at once, or all; may repeat")
	return command
}

// gatewayKeys are the keys of one gateway of a configuration file.
type gatewayKeys struct {
	name      string
	config    Gateway
	algorithm token.Algorithm
	file      string   // of a gateway whose key is in a file
	store     keyStore // of one whose keys are in storage
}

// listKeys writes one table of all that is in storage, and a line for each gateway that has
// nothing there.
func listKeys(ctx context.Context, out io.Writer, all []gatewayKeys) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "GATEWAY\tKID\tALGORITHM\tROLE\tCREATED\tSIGNS FROM\tVERIFIES UNTIL")
	for _, keys := range all {
		if err := keys.list(ctx, table); err != nil {
			return fmt.Errorf("gateway %s: %w", keys.name, err)
		}
	}
	return table.Flush() // with the error of any line before
}

func (g gatewayKeys) list(ctx context.Context, table io.Writer) error {
	if g.file != "" {
		_, _ = fmt.Fprintf(table, "%s\t(the key in %s, which is never rotated)\n", g.name, g.file)
		return nil
	}
	stored, err := g.store.read(ctx)
	if err != nil {
		return err
	}
	if len(stored.Keys) == 0 {
		_, _ = fmt.Fprintf(table, "%s\t(%v; Caddy makes them when it starts)\n", g.name, errNoStoredKeys)
	}
	now := g.store.now()
	for _, key := range sorted(stored.Keys) {
		until := "-"
		if !key.VerifiesUntil.IsZero() {
			until = key.VerifiesUntil.Format(time.RFC3339)
		}
		_, _ = fmt.Fprintln(table, strings.Join([]string{
			g.name, key.ID, string(key.Algorithm), stored.role(key, g.store.rotation, now),
			key.CreatedAt.Format(time.RFC3339), key.SignsFrom.Format(time.RFC3339), until,
		}, "\t"))
	}
	return nil
}

// rotateKeys rotates the keys of one gateway, or drops some.
func rotateKeys(ctx context.Context, all []gatewayKeys, drop []string) error {
	if len(all) != 1 {
		names := make([]string, len(all))
		for i, keys := range all {
			names[i] = keys.name
		}
		return fmt.Errorf("there are several gateways; choose one of them with --gateway: %s", strings.Join(names, " "))
	}
	keys := all[0]
	if keys.file != "" {
		return fmt.Errorf("gateway %s: the key in %s is never rotated; put another key into that file and reload Caddy, which logs everybody out", keys.name, keys.file)
	}
	if _, err := keys.store.rotateOrDrop(ctx, drop); err != nil {
		return fmt.Errorf("gateway %s: %w", keys.name, err)
	}
	return nil
}

// rotateOrDrop rotates the keys, or drops those of these IDs if there are any.
func (s keyStore) rotateOrDrop(ctx context.Context, drop []string) (storedKeys, error) {
	if len(drop) == 0 {
		return s.update(ctx, s.rotated)
	}
	return s.update(ctx, func(stored storedKeys) (storedKeys, error) { return s.dropped(stored, drop) })
}

// errRotatedOften is returned when an operator rotates keys and maxPublished are published.
var errRotatedOften = errors.New("keys were rotated so often that several previous ones are still needed; wait until the first of them has expired, or drop one")

// rotated are the keys of which the next one takes over as soon as verifiers know it.
func (s keyStore) rotated(stored storedKeys) (storedKeys, error) {
	if len(stored.Keys) == 0 {
		return stored, errNoStoredKeys
	}
	stored, err := s.tended(stored)
	switch {
	case err != nil:
		return stored, err
	case len(stored.Keys) >= maxPublished:
		return stored, errRotatedOften
	}
	return s.tended(s.rotation.hastened(stored, s.now()))
}

// dropped are the keys without those of these IDs.
func (s keyStore) dropped(stored storedKeys, ids []string) (storedKeys, error) {
	if slices.Contains(ids, everyKey) {
		ids = nil
		for _, key := range stored.Keys {
			ids = append(ids, key.ID)
		}
	}
	kept, err := s.rotation.dropped(stored, ids, s.now())
	if err != nil {
		return stored, err
	}
	return s.tended(kept)
}
