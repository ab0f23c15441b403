package keyring

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrDamaged is returned when a document cannot be read.
var ErrDamaged = errors.New("stored keys are damaged")

// setDocument is the stored form of a [Set].
type setDocument struct {
	Lineage  string    `json:"lineage,omitempty"`
	BeganAt  time.Time `json:"began_at,omitzero"`
	Revision uint64    `json:"revision,omitempty"`
	StoreID  string    `json:"store,omitempty"`
	Keys     []Key     `json:"keys"`
}

// encodeSet returns the document of a set, with the keys of other owners.
func encodeSet(s Set) ([]byte, error) {
	data, err := json.MarshalIndent(setDocument{
		Lineage: s.Lineage, BeganAt: s.BeganAt, Revision: s.Revision, StoreID: s.StoreID,
		Keys: slices.Concat(s.Keys, s.Foreign),
	}, "", "\t")
	if err != nil {
		return nil, fmt.Errorf("marshaling keys: %w", err)
	}
	return data, nil
}

// decodeSet reads a document and sorts its keys by owner. No document is an empty set.
func decodeSet(data []byte, owner Owner, dropped Dropped) (Set, error) {
	if data == nil {
		return Set{}, nil
	}
	var d setDocument
	// The cause is left out, because it can quote the document.
	if len(data) > maxDocument || json.Unmarshal(data, &d) != nil || len(d.Keys) == 0 {
		return Set{}, ErrDamaged
	}
	s := Set{Lineage: d.Lineage, BeganAt: d.BeganAt, Revision: d.Revision, StoreID: d.StoreID}
	for _, key := range d.Keys {
		switch {
		case !owner.owns(key.Owner):
			s.Foreign = append(s.Foreign, key)
		case dropped.Has(key.ID):
			s.Dropped = append(s.Dropped, key)
			s.untidy = true
		default:
			owned := key.ownedBy(owner)
			s.untidy = s.untidy || owned != key
			s.Keys = append(s.Keys, owned)
		}
	}
	return s, nil
}

// ownedBy returns the key with its owner written down. Without a store it keeps the prefix.
func (k Key) ownedBy(owner Owner) Key {
	if owner.Prefix == "" {
		owner.Prefix = k.Prefix
	}
	k.Owner = owner
	return k
}
