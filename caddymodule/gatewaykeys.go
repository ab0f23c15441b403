package caddymodule

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// gatewayKeys are the keys of one gateway of a configuration file.
type gatewayKeys struct {
	name      string
	config    Gateway
	algorithm token.Algorithm
	file      string // of a gateway whose key is in a file
	owner     keyring.Owner
	rotation  keyring.Rotation
	// open returns the keys where they are kept.
	open func() (*keyring.Keyring, error)
	// service is the Caddy that runs this gateway, nil where none answers.
	service *adminService
}

// states returns the keys, as the running Caddy knows them or else as they are kept.
func (g gatewayKeys) states(ctx context.Context) ([]keyring.Status, error) {
	if g.service != nil {
		return g.service.keys(ctx, g.name)
	}
	keys, err := g.open()
	if err != nil {
		return nil, err
	}
	state, err := keys.Read(ctx)
	if err != nil {
		return nil, err
	}
	return keyring.Statuses(state, g.rotation, keys.Now()), nil
}

// rotate lets the next key sign, or drops keys if there are any to drop.
func (g gatewayKeys) rotate(ctx context.Context, drop []string) error {
	if g.file != "" {
		return fmt.Errorf("the key in %s is never rotated; put another key into that file and reload Caddy, which logs everybody out", g.file)
	}
	if g.service != nil {
		return g.service.rotate(ctx, g.name, drop)
	}
	keys, err := g.open()
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

// listKeys writes one table of all keys, a line for each gateway that has none, and which keys are older
// than the last drop.
func listKeys(ctx context.Context, out io.Writer, all []gatewayKeys) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "GATEWAY\tKID\tALGORITHM\tROLE\tCREATED\tSIGNS FROM\tVERIFIES UNTIL")
	var older []string
	for _, keys := range all {
		more, err := keys.list(ctx, table)
		if err != nil {
			return fmt.Errorf("gateway %s: %w", keys.name, err)
		}
		older = append(older, more...)
	}
	if err := table.Flush(); err != nil { // with the error of any line before
		return err
	}
	if len(older) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(out, "\nolder than the last drop; if a backup was restored since, drop again what was dropped before:\n%s\n", strings.Join(older, "\n"))
	return err
}

func (g gatewayKeys) list(ctx context.Context, table io.Writer) (older []string, err error) {
	if g.file != "" {
		_, _ = fmt.Fprintf(table, "%s\t(the key in %s, which is never rotated)\n", g.name, g.file)
		return nil, nil
	}
	states, err := g.states(ctx)
	if err != nil {
		return nil, err
	}
	if len(states) == 0 {
		_, _ = fmt.Fprintf(table, "%s\t(%v; Caddy makes them when it starts)\n", g.name, keyring.ErrNoKeys)
	}
	for _, key := range states {
		until := "-"
		if !key.VerifiesUntil.IsZero() {
			until = key.VerifiesUntil.Format(time.RFC3339)
		}
		_, _ = fmt.Fprintln(table, strings.Join([]string{
			g.name, key.KID, string(key.Algorithm), key.Role,
			key.CreatedAt.Format(time.RFC3339), key.SignsFrom.Format(time.RFC3339), until,
		}, "\t"))
		if key.OlderThanDrop {
			older = append(older, key.KID)
		}
	}
	return older, nil
}

// rotateKeys rotates the keys of every gateway, or drops keys of those that have them. It changes nothing
// when a key to drop is nowhere.
func rotateKeys(ctx context.Context, all []gatewayKeys, drop []string) error {
	if len(all) > 1 {
		all = slices.DeleteFunc(slices.Clone(all), func(g gatewayKeys) bool { return g.file != "" })
	}
	drops, err := dropsOf(ctx, all, drop)
	if err != nil {
		return err
	}
	for i, keys := range all {
		if len(drop) > 0 && len(drops[i]) == 0 {
			continue
		}
		if err := keys.rotate(ctx, drops[i]); err != nil {
			return fmt.Errorf("gateway %s: %w", keys.name, err)
		}
	}
	return nil
}

// dropsOf returns which keys to drop of each gateway. One gateway judges by itself.
func dropsOf(ctx context.Context, all []gatewayKeys, drop []string) ([][]string, error) {
	drops := make([][]string, len(all))
	if len(drop) == 0 {
		return drops, nil
	}
	if len(all) == 1 {
		return [][]string{drop}, nil
	}
	found := map[string]bool{keyring.EveryKey: true}
	for i, keys := range all {
		states, err := keys.states(ctx)
		if err != nil {
			return nil, fmt.Errorf("gateway %s: %w", keys.name, err)
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
