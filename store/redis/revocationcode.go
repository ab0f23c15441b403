package redis

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis/internal/seal"
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
func (k segmentKeys) place(epoch string) seal.Place { return seal.Place{Key: k.list, Name: epoch} }

// entry is one of a list: "sealed", or "epoch number sealed" for a subject.
type entry struct {
	label  string // what comes before sealed
	at     store.Mark
	sealed string
}

// read splits an entry of a segment.
func (s segment) read(text string) (entry, error) {
	if !s.ofSubjects() {
		return entry{sealed: text}, nil
	}
	fields := strings.SplitN(text, " ", 3)
	if len(fields) != 3 || len(fields[0]) != store.EpochSize {
		return entry{}, fmt.Errorf("reading entry: %w", ErrUnreadable)
	}
	number, err := strconv.ParseUint(fields[1], 10, 63)
	if err != nil {
		return entry{}, fmt.Errorf("reading entry: %w", ErrUnreadable)
	}
	return entry{
		label:  text[:len(text)-len(fields[2])],
		at:     store.Mark{Epoch: fields[0], Number: number},
		sealed: fields[2],
	}, nil
}

// identity returns what an entry keeps when it is sealed anew, and shares with no other.
func (s segment) identity(text string) string {
	e, err := s.read(text)
	if err != nil {
		return text
	}
	return e.label + seal.Head(e.sealed)
}

// openRevocation reads one entry of a list.
func (r *revocations) openRevocation(l *list, text string) (store.Listed, error) {
	e, err := l.segment.read(text)
	if err != nil {
		return store.Listed{}, err
	}
	data, err := r.sealer.Open(l.keys.place(e.at.Epoch), e.sealed)
	if err != nil {
		return store.Listed{}, r.sealer.Unreadable("a revocation", e.sealed)
	}
	v, err := decodeRevocation(data)
	return store.Listed{Revocation: v, At: e.at, List: uint32(l.segment)}, err
}
