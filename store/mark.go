package store

import "strconv"

// Mark is a place in the order of a store's revocations.
type Mark struct {
	// Epoch names the list of revocations with [EpochSize] letters and digits. A store that loses its
	// data begins another list. Numbers of two lists cannot be compared.
	Epoch string
	// Number counts up within the list. Zero is before the first revocation.
	Number uint64
}

// EpochSize is the length of [Mark.Epoch].
const EpochSize = 8

// String returns the mark as [Revocations.Mark] does.
func (m Mark) String() string {
	if m.Number == 0 || len(m.Epoch) != EpochSize {
		return ""
	}
	return m.Epoch + strconv.FormatUint(m.Number, 36)
}

// in reports whether a mark includes this place.
func (m Mark) in(mark string) bool {
	if m.Number == 0 || len(mark) <= EpochSize || mark[:EpochSize] != m.Epoch {
		return false
	}
	number, err := strconv.ParseUint(mark[EpochSize:], 36, 64)
	return err == nil && number >= m.Number
}
