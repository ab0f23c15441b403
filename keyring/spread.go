package keyring

import (
	"context"
	"errors"
	"log/slog"
	"slices"
)

// spread gives the other place its copy, the store the IDs, and each place the dropped keys that it
// lacks. What fails is tried again a minute later.
func (k *Keyring) spread(ctx context.Context, s State) {
	if k.InStore {
		if err := k.Storage.Update(ctx, KeysDocument, func(held []byte) ([]byte, error) { return k.copyOf(s, held) }); err != nil {
			k.notWritten(ctx, k.Storage, KeysDocument, err)
		}
	}
	if k.Store != nil {
		err := k.Store.Update(ctx, KnownDocument, func([]byte) ([]byte, error) { return encodeKnown(knownIn(s.set)) })
		if err != nil {
			k.notWritten(ctx, k.Store, KnownDocument, err)
		}
	}
	k.spreadDropped(ctx)
}

func (k *Keyring) notWritten(ctx context.Context, in Storage, document string, err error) {
	if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		k.Logger.Warn("a copy of what is known of signing keys could not be written",
			slog.String("gateway", k.Owner.Gateway), slog.String("document", in.Where(document)), slog.Any("error", err))
	}
}

// copyOf returns the copy of a set. Replicas that share Caddy's storage may come in any order: a newer
// copy stays, as do keys of other owners. One that is damaged is replaced.
func (k *Keyring) copyOf(s State, held []byte) ([]byte, error) {
	there, err := decodeSet(held, k.Owner, s.Dropped)
	if err == nil {
		lineage, _ := there.lineage()
		if lineage == s.set.Lineage && there.Revision > s.set.Revision {
			return held, nil
		}
		for _, key := range there.Foreign {
			if !contains(s.set.Foreign, key.ID) {
				s.set.Foreign = append(slices.Clone(s.set.Foreign), key)
			}
		}
	}
	return encodeSet(s.set)
}
