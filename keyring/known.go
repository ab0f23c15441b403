package keyring

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// knownKey has the ID of a key in use, for replicas that cannot find the key.
type knownKey struct {
	ID    string    `json:"kid"`
	Until time.Time `json:"verifies_until,omitzero"`
	Owner
}

type knownDocument struct {
	Known []knownKey `json:"known"`
}

// decodeKnown returns the IDs of the owner's keys that are still needed and were not dropped.
func decodeKnown(data []byte, owner Owner, dropped Dropped, now time.Time) ([]knownKey, error) {
	if data == nil {
		return nil, nil
	}
	var document knownDocument
	if len(data) > maxDocument || json.Unmarshal(data, &document) != nil {
		return nil, ErrDamaged
	}
	return slices.DeleteFunc(document.Known, func(k knownKey) bool {
		over := !k.Until.IsZero() && !now.Before(k.Until)
		return over || dropped.Has(k.ID) || !owner.owns(k.Owner)
	}), nil
}

// knownIn returns the IDs of a set's keys for the store, with those of other owners.
func knownIn(s Set) (known []knownKey) {
	for _, key := range slices.Concat(s.Keys, s.Foreign) {
		known = append(known, knownKey{ID: key.ID, Until: key.VerifiesUntil, Owner: key.Owner})
	}
	return known
}

func encodeKnown(known []knownKey) ([]byte, error) {
	data, err := json.Marshal(knownDocument{known})
	if err != nil {
		return nil, fmt.Errorf("marshaling key IDs: %w", err)
	}
	return data, nil
}

func idsOf(known []knownKey) string {
	ids := make([]string, len(known))
	for i, key := range known {
		ids[i] = key.ID
	}
	return strings.Join(ids, " ")
}
