package redis

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// encodeRevocation returns a revocation as bytes. Times are those that it is compared
// by: the issue in whole seconds, which are zero where it refuses all.
func encodeRevocation(v store.Revocation) []byte {
	var issuedUntil int64
	if !v.IssuedUntil.IsZero() {
		issuedUntil = v.IssuedUntil.Unix()
	}
	b := []byte{byte(v.Scope)}
	b = binary.AppendVarint(b, issuedUntil)
	b = binary.AppendVarint(b, v.Until.UnixNano())
	return append(b, v.ID...)
}

// decodeRevocation reads what encodeRevocation wrote.
func decodeRevocation(data []byte) (store.Revocation, error) {
	if len(data) == 0 {
		return store.Revocation{}, ErrUnreadable
	}
	issuedUntil, n := binary.Varint(data[1:])
	until, m := binary.Varint(data[1+max(n, 0):])
	if n <= 0 || m <= 0 {
		return store.Revocation{}, ErrUnreadable
	}
	v := store.Revocation{Scope: store.Scope(data[0]), ID: string(data[1+n+m:]), Until: time.Unix(0, until).UTC()}
	if issuedUntil != 0 {
		v.IssuedUntil = time.Unix(issuedUntil, 0).UTC()
	}
	return v, nil
}

// place is where a revocation of a list belongs. One of a subject belongs to its epoch, too.
func (k segmentKeys) place(epoch string) place { return place{key: k.list, name: epoch} }

// openRevocation reads one entry of a list.
func (r *revocations) openRevocation(l *list, entry string) (store.Listed, error) {
	sealed, at := entry, store.Mark{}
	if l.segment.ofSubjects() {
		fields := strings.SplitN(entry, " ", 3)
		if len(fields) != 3 || len(fields[0]) != store.EpochSize {
			return store.Listed{}, fmt.Errorf("reading entry: %w", ErrUnreadable)
		}
		number, err := strconv.ParseUint(fields[1], 10, 63)
		if err != nil {
			return store.Listed{}, fmt.Errorf("reading entry: %w", ErrUnreadable)
		}
		at, sealed = store.Mark{Epoch: fields[0], Number: number}, fields[2]
	}
	data, err := r.sealer.open(l.keys.place(at.Epoch), sealed)
	if err != nil {
		return store.Listed{}, fmt.Errorf("opening revocation: %w", err)
	}
	v, err := decodeRevocation(data)
	return store.Listed{Revocation: v, At: at, List: uint32(l.segment)}, err
}
