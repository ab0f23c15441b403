package command

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Gateway describes one gateway of a configuration file to the commands.
type Gateway struct {
	// Owner has the gateway's name and issuer.
	Owner keyring.Owner
	// Tokens is the gateway's configuration with defaults, without the part about Signicat.
	Tokens gateway.Config
	// KeyFile is the file with the signing key. Empty when keys are made and rotated.
	KeyFile string
	// Algorithm is the algorithm of the key file. Empty means the one that the key is for.
	Algorithm token.Algorithm
	// Rotation is the schedule of keys without a key file.
	Rotation keyring.Rotation
	// Open returns the keys without a key file. It opens the places where they are kept, and is called at
	// most once.
	Open func() (*keyring.Keyring, error)

	// service is the Caddy that runs this gateway, nil if no Caddy answers.
	service *service
}

func (g Gateway) name() string { return g.Owner.Gateway }

// states returns the keys from the running Caddy, or from storage if no Caddy answers.
func (g Gateway) states(ctx context.Context) ([]keyring.Status, error) {
	if g.service != nil {
		return g.service.keys(ctx, g.name())
	}
	keys, err := g.Open()
	if err != nil {
		return nil, err
	}
	state, err := keys.Read(ctx)
	if err != nil {
		return nil, err
	}
	return keyring.Statuses(state, g.Rotation, keys.Now()), nil
}

// rotate makes the next key sign, or drops keys if drop names any.
func (g Gateway) rotate(ctx context.Context, drop []string) error {
	if g.KeyFile != "" {
		return fmt.Errorf("the key in %s is never rotated; put another key into that file and reload Caddy, which logs all users out", g.KeyFile)
	}
	if g.service != nil {
		return g.service.rotate(ctx, g.name(), drop)
	}
	keys, err := g.Open()
	if err != nil {
		return err
	}
	if len(drop) > 0 {
		_, err = keys.Drop(ctx, drop)
	} else {
		_, err = keys.Rotate(ctx)
	}
	return err
}

// listKeys writes one table of all keys, with a line for each gateway that has none. Below the table it
// lists the keys that are older than the last drop.
func listKeys(ctx context.Context, out io.Writer, all []Gateway) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "GATEWAY\tKID\tALGORITHM\tROLE\tCREATED\tSIGNS FROM\tVERIFIES UNTIL")
	var older []string
	for _, g := range all {
		more, err := g.list(ctx, table)
		if err != nil {
			return fmt.Errorf("gateway %s: %w", g.name(), err)
		}
		older = append(older, more...)
	}
	if err := table.Flush(); err != nil { // with the error of any line before
		return err
	}
	if len(older) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(out, "\nolder than the last drop; if a backup was restored since, drop these keys again if they were dropped before:\n%s\n", strings.Join(older, "\n"))
	return err
}

func (g Gateway) list(ctx context.Context, table io.Writer) (older []string, err error) {
	if g.KeyFile != "" {
		_, _ = fmt.Fprintf(table, "%s\t(the key in %s, which is never rotated)\n", g.name(), g.KeyFile)
		return nil, nil
	}
	states, err := g.states(ctx)
	if err != nil {
		return nil, err
	}
	if len(states) == 0 {
		_, _ = fmt.Fprintf(table, "%s\t(%v; Caddy makes them when it starts)\n", g.name(), keyring.ErrNoKeys)
	}
	for _, key := range states {
		until := "-"
		if !key.VerifiesUntil.IsZero() {
			until = key.VerifiesUntil.Format(time.RFC3339)
		}
		_, _ = fmt.Fprintln(table, strings.Join([]string{
			g.name(), key.KID, string(key.Algorithm), key.Role,
			key.CreatedAt.Format(time.RFC3339), key.SignsFrom.Format(time.RFC3339), until,
		}, "\t"))
		if key.OlderThanDrop {
			older = append(older, key.KID)
		}
	}
	return older, nil
}

// dropWarning says what is lost with a key that is dropped.
const dropWarning = `gateway %s: dropping key %s.
What the key signed or encrypted ends with it: browsers log in again; apps refresh
their tokens, or log in again where there is no refresh.
`

// rotateKeys rotates the keys of every gateway, or drops keys of the gateways that have them. It changes
// nothing if a key to drop does not exist. Before it drops keys it writes what ends with them.
func rotateKeys(ctx context.Context, out io.Writer, all []Gateway, drop []string) error {
	if len(all) > 1 {
		all = slices.DeleteFunc(slices.Clone(all), func(g Gateway) bool { return g.KeyFile != "" })
	}
	drops, err := dropsOf(ctx, all, drop)
	if err != nil {
		return err
	}
	for i, g := range all {
		if len(drop) > 0 && len(drops[i]) == 0 {
			continue
		}
		if len(drop) > 0 {
			_, _ = fmt.Fprintf(out, dropWarning, g.name(), strings.Join(drops[i], " "))
		}
		if err := g.rotate(ctx, drops[i]); err != nil {
			return fmt.Errorf("gateway %s: %w", g.name(), err)
		}
	}
	return nil
}

// dropsOf returns the keys to drop, by gateway. A single gateway checks the key IDs itself.
func dropsOf(ctx context.Context, all []Gateway, drop []string) ([][]string, error) {
	drops := make([][]string, len(all))
	if len(drop) == 0 {
		return drops, nil
	}
	if len(all) == 1 {
		return [][]string{drop}, nil
	}
	found := map[string]bool{keyring.EveryKey: true}
	for i, g := range all {
		states, err := g.states(ctx)
		if err != nil {
			return nil, fmt.Errorf("gateway %s: %w", g.name(), err)
		}
		for _, id := range drop {
			if id == keyring.EveryKey || slices.ContainsFunc(states, func(s keyring.Status) bool { return s.KID == id && s.Role != keyring.RoleForeign }) {
				drops[i], found[id] = append(drops[i], id), true
			}
		}
	}
	for _, id := range drop {
		if !found[id] {
			return nil, fmt.Errorf("%w %q; caddy itsme keys list shows them", keyring.ErrNoSuchKey, id)
		}
	}
	return drops, nil
}
