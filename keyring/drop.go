package keyring

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// EveryKey stands for the IDs of all keys.
const EveryKey = "all"

// Drop drops the keys of these IDs, or [EveryKey]. After nil the store has the IDs, and this process
// refuses the keys. It returns [ErrNoSuchKey] for an unknown ID, [ErrNoKeys] without keys, and the error
// of a store that it cannot reach. After these errors nothing has changed.
func (k *Keyring) Drop(ctx context.Context, ids []string) (State, error) {
	before, err := k.Read(ctx)
	if err != nil {
		return State{}, err
	}
	known, err := k.readKnown(ctx, before.Dropped)
	if err != nil {
		return State{}, err
	}
	dropped, err := k.toDrop(before, known, ids)
	if err != nil {
		return State{}, err
	}
	if err := k.remember(ctx, dropped); err != nil {
		return State{}, err
	}
	gone := make([]string, len(dropped))
	for i, key := range dropped {
		gone[i] = key.ID
	}
	now := k.Now()
	after, err := k.change(ctx, func(s Set) (Set, error) {
		// The set no longer has them. Put them in once more to find out whether one of them signed.
		there := slices.DeleteFunc(slices.Clone(s.Dropped), func(key Key) bool { return !slices.Contains(gone, key.ID) })
		return k.Rotation.tended(k.Rotation.without(s.with(slices.Concat(s.Keys, there)), gone, now), k.Owner, now)
	})
	if err != nil {
		return State{}, fmt.Errorf("the keys are dropped, and replicas refuse them within a minute, but the set could not be changed: %w", err)
	}
	return after, nil
}

// toDrop returns the keys of these IDs in their stored form.
func (k *Keyring) toDrop(s State, known []knownKey, ids []string) (dropped []droppedKey, err error) {
	now := wholeSecond(k.Now())
	all := make(map[string]droppedKey)
	for _, key := range known {
		all[key.ID] = droppedKey{ID: key.ID, At: now, Until: now.Add(k.Rotation.Longest + Margin)}
	}
	for _, key := range slices.Concat(s.Set().Keys, s.set.Dropped) {
		all[key.ID] = droppedKey{ID: key.ID, At: now, Until: now.Add(k.Rotation.noted(key).afterlife())}
	}
	if len(all) == 0 {
		return nil, ErrNoKeys
	}
	for _, id := range ids {
		key, ok := all[id]
		switch {
		case ok:
			dropped = append(dropped, key)
		case id != EveryKey:
			return nil, fmt.Errorf("%w %q; caddy itsme keys list shows them", ErrNoSuchKey, id)
		}
	}
	if slices.Contains(ids, EveryKey) {
		return slices.Collect(maps.Values(all)), nil
	}
	return dropped, nil
}

// remember writes dropped keys to the store, to Caddy's storage and to memory. The store comes first:
// when it cannot be reached, nothing is dropped.
func (k *Keyring) remember(ctx context.Context, keys []droppedKey) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	if k.Store != nil {
		if err := k.addDropped(ctx, k.Store, keys); err != nil {
			return err
		}
	}
	if err := k.addDropped(ctx, k.Storage, keys); err != nil {
		if k.Store == nil {
			return err
		}
		k.notWritten(ctx, k.Storage, DroppedDocument, err) // every replica reads it in the store
	}
	k.Memory.drop(keys, k.Now())
	return nil
}

// addDropped adds keys to the document of dropped keys in one storage.
func (k *Keyring) addDropped(ctx context.Context, in Storage, keys []droppedKey) error {
	return in.Update(ctx, DroppedDocument, func(held []byte) ([]byte, error) {
		there, err := decodeDropped(held)
		if err != nil {
			return nil, damaged(in, DroppedDocument, err)
		}
		before := Dropped{}.plus(there, k.Now())
		after := before.plus(keys, k.Now())
		if after.same(before) {
			return held, nil
		}
		return encodeDropped(after)
	})
}

// readDropped returns the union of the dropped keys in each storage and in memory, and whether a storage
// lacks some. Only the storage that holds the keys must answer; partial is the error of the other one.
func (k *Keyring) readDropped(ctx context.Context) (all Dropped, lacking bool, partial, err error) {
	there, err := k.droppedIn(ctx, k.primary())
	if err != nil {
		return k.Memory.Dropped(), false, nil, err
	}
	places := []Dropped{there}
	if other := k.secondary(); other != nil {
		there, partial = k.droppedIn(ctx, other)
		if partial == nil {
			places = append(places, there)
		}
	}
	all = k.Memory.Dropped()
	return all, slices.ContainsFunc(places, func(d Dropped) bool { return !d.same(all) }), partial, nil
}

// droppedIn returns the dropped keys of one storage, and adds them to memory.
func (k *Keyring) droppedIn(ctx context.Context, in Storage) (Dropped, error) {
	data, err := in.Read(ctx, DroppedDocument)
	if err != nil {
		return Dropped{}, err
	}
	keys, err := decodeDropped(data)
	if err != nil {
		return Dropped{}, damaged(in, DroppedDocument, err)
	}
	k.Memory.drop(keys, k.Now())
	return Dropped{}.plus(keys, k.Now()), nil
}

// spreadDropped adds to each storage the dropped keys that it lacks.
func (k *Keyring) spreadDropped(ctx context.Context) {
	all := k.Memory.Dropped()
	if len(all.keys) == 0 {
		return
	}
	for _, in := range []Storage{k.Storage, k.Store} {
		if in == nil {
			continue
		}
		if err := k.addDropped(ctx, in, all.keys); err != nil {
			k.notWritten(ctx, in, DroppedDocument, err)
		}
	}
}
