package keyring

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// maxDropped bounds the dropped keys that are kept after their tokens have expired.
const maxDropped = 256

// droppedKey is a key that was dropped.
type droppedKey struct {
	// ID is the kid of the key.
	ID string `json:"kid"`
	// At is when an operator dropped it.
	At time.Time `json:"dropped_at"`
	// Until is the end of the last token that the gateway signed with it. The key is kept at least
	// until then, and usually for ever: an operator may restore a backup with the key later.
	Until time.Time `json:"tokens_until"`
}

// Dropped is a set of dropped keys, by ID. The zero value is empty.
type Dropped struct{ keys []droppedKey }

// Has reports whether the key of that ID was dropped.
func (d Dropped) Has(id string) bool {
	_, found := slices.BinarySearchFunc(d.keys, id, func(k droppedKey, id string) int { return cmp.Compare(k.ID, id) })
	return found
}

// Newest returns the time of the last drop, or zero.
func (d Dropped) Newest() (at time.Time) {
	for _, key := range d.keys {
		if key.At.After(at) {
			at = key.At
		}
	}
	return at
}

// plus returns the union. Beyond [maxDropped] keys, those whose tokens have all expired go, the first
// dropped first.
func (d Dropped) plus(more []droppedKey, now time.Time) Dropped {
	byID := make(map[string]droppedKey, len(d.keys)+len(more))
	for _, key := range slices.Concat(d.keys, more) {
		if known, ok := byID[key.ID]; ok {
			key = known.and(key)
		}
		byID[key.ID] = key
	}
	union := Dropped{make([]droppedKey, 0, len(byID))}
	for _, key := range byID {
		union.keys = append(union.keys, key)
	}
	slices.SortFunc(union.keys, func(a, b droppedKey) int { return cmp.Compare(a.ID, b.ID) })
	return union.bounded(now)
}

// and combines two entries of one dropped key.
func (k droppedKey) and(other droppedKey) droppedKey {
	if other.At.Before(k.At) {
		k.At = other.At
	}
	if other.Until.After(k.Until) {
		k.Until = other.Until
	}
	return k
}

func (d Dropped) bounded(now time.Time) Dropped {
	excess := len(d.keys) - maxDropped
	if excess <= 0 {
		return d
	}
	over := slices.DeleteFunc(slices.Clone(d.keys), func(k droppedKey) bool { return now.Before(k.Until) })
	slices.SortFunc(over, func(a, b droppedKey) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	over = over[:min(excess, len(over))]
	return Dropped{slices.DeleteFunc(d.keys, func(k droppedKey) bool { return slices.Contains(over, k) })}
}

// same reports whether two sets are equal.
func (d Dropped) same(other Dropped) bool {
	return slices.EqualFunc(d.keys, other.keys, func(a, b droppedKey) bool {
		return a.ID == b.ID && a.At.Equal(b.At) && a.Until.Equal(b.Until)
	})
}

type droppedDocument struct {
	Dropped []droppedKey `json:"dropped"`
}

func encodeDropped(d Dropped) ([]byte, error) {
	data, err := json.MarshalIndent(droppedDocument{d.keys}, "", "\t")
	if err != nil {
		return nil, fmt.Errorf("marshaling dropped keys: %w", err)
	}
	return data, nil
}

// decodeDropped reads a document. No document is an empty set.
func decodeDropped(data []byte) ([]droppedKey, error) {
	if data == nil {
		return nil, nil
	}
	var document droppedDocument
	if len(data) > maxDocument || json.Unmarshal(data, &document) != nil || document.Dropped == nil {
		return nil, ErrDamaged
	}
	return document.Dropped, nil
}
