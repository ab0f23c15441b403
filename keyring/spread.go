package keyring

import (
	"context"
	"errors"
	"log/slog"
	"slices"
)

// spread writes the copy, the IDs in the store, and the dropped keys that a storage lacks. The next
// refresh repeats a failed write.
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
		k.Logger.Warn("a copy of the signing keys or of their IDs could not be written; the next refresh tries again",
			slog.String("gateway", k.Owner.Gateway), slog.String("document", in.Where(document)), slog.Any("error", err))
	}
}

// copyOf returns the copy of a set. It keeps a newer copy and keys of other owners, because replicas that
// share Caddy's storage write in any order. It replaces a damaged copy.
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
