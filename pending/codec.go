package pending

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// codecVersion is the first byte of an encoded record. Another layout is another
// version, so that replicas of two releases never misread each other.
const codecVersion = 3

// ErrCorrupt is returned when bytes are not a record as [Encode] wrote it.
var ErrCorrupt = errors.New("encoded record is corrupt")

// codec writes or reads one field after another.
type codec interface {
	uint8(*uint8)
	uint64(*uint64)
	int64(*int64)
	text(*string)
	hash(*[32]byte)
	time(*time.Time)
}

// fields walks a record in the order of its encoding. ID and Version are not part
// of it: they are the store's key and its means to compare.
func fields(r *Record, c codec) {
	c.uint8((*uint8)(&r.Kind))
	c.uint8((*uint8)(&r.Phase))
	c.text(&r.Reason)

	c.text(&r.Client)
	c.text(&r.RedirectURL)
	c.text(&r.AuthorizationRequestURL)
	c.text(&r.TokenRequestURL)
	c.text(&r.SignicatID)
	c.text(&r.TransactionID)
	c.text(&r.AccountID)

	c.text(&r.Challenge)
	c.hash(&r.CookieHash)
	c.text(&r.ReturnTo)

	c.text(&r.Language)
	c.text(&r.LoA)

	c.time(&r.CreatedAt)
	c.text(&r.Mark)
	c.time(&r.ExpiresAt)
	c.time(&r.EndedAt)

	c.hash(&r.CodeHash)
	c.time(&r.FirstPresented)
	c.time(&r.SentAt)
	c.time(&r.ValidatedAt)
	c.time(&r.LeaseUntil)
	c.uint64(&r.Fence)
	c.time(&r.AuthTime)

	c.text(&r.Token)
	c.text(&r.TokenID)
	c.time(&r.TokenExpiresAt)
	c.time(&r.IssuedAt)
	c.text(&r.Subject)

	c.text(&r.FailedCall)
	c.uint64(&r.FailedStatus)
	c.text(&r.FailedCode)
	c.text(&r.FailedTraceID)
}

// Encode returns a record as bytes, for a store outside of the process: all of it
// but ID and Version, which are such a store's key and its means to compare. It
// returns [ErrInvalid] for a record that no store keeps.
func Encode(r *Record) ([]byte, error) {
	data := encode(r)
	if err := check(r, len(data)); err != nil {
		return nil, err
	}
	return data, nil
}

// Decode returns the record that [Encode] wrote, its times in UTC, or [ErrCorrupt].
func Decode(data []byte) (*Record, error) { return decode(string(data)) }

// encode returns the record as bytes, without asking how many.
func encode(r *Record) []byte {
	e := encoder{b: make([]byte, 1, 512+len(r.Token))}
	e.b[0] = codecVersion
	fields(r, &e)
	return e.b
}

// check refuses a record that no store keeps. Size is what it takes, encoded.
func check(r *Record, size int) error {
	switch {
	case r.ID == "":
		return fmt.Errorf("%w: no ID", ErrInvalid)
	case len(r.Token) > MaxTokenSize:
		return fmt.Errorf("%w: token of %d bytes", ErrInvalid, len(r.Token))
	case size-len(r.Token) > MaxSize:
		return fmt.Errorf("%w: %d bytes", ErrInvalid, size)
	}
	return nil
}

// decode reads what encode wrote. The strings of the record are parts of data.
func decode(data string) (*Record, error) {
	if data == "" || data[0] != codecVersion {
		return nil, ErrCorrupt
	}
	r := new(Record)
	d := decoder{rest: data[1:]}
	fields(r, &d)
	if d.bad || d.rest != "" {
		return nil, ErrCorrupt
	}
	return r, nil
}

type encoder struct{ b []byte }

func (e *encoder) uint8(v *uint8)   { e.b = append(e.b, *v) }
func (e *encoder) uint64(v *uint64) { e.b = binary.AppendUvarint(e.b, *v) }
func (e *encoder) int64(v *int64)   { e.b = binary.AppendVarint(e.b, *v) }

func (e *encoder) text(v *string) {
	e.b = binary.AppendUvarint(e.b, uint64(len(*v)))
	e.b = append(e.b, *v...)
}

// hash writes nothing but a mark for one that is not there yet.
func (e *encoder) hash(v *[32]byte) {
	if *v == [32]byte{} {
		e.b = append(e.b, 0)
		return
	}
	e.b = append(e.b, 1)
	e.b = append(e.b, v[:]...)
}

// time writes zero for the zero time, whose UnixNano is not defined.
func (e *encoder) time(v *time.Time) {
	var nanoseconds int64
	if !v.IsZero() {
		nanoseconds = v.UnixNano()
	}
	e.int64(&nanoseconds)
}

// decoder reads fields until one is bad; those after it stay zero.
type decoder struct {
	rest string
	bad  bool
}

// take cuts the next n bytes off.
func (d *decoder) take(n uint64) string {
	if d.bad || n > uint64(len(d.rest)) {
		d.bad = true
		return ""
	}
	taken := d.rest[:n]
	d.rest = d.rest[n:]
	return taken
}

func (d *decoder) uint8(v *uint8) {
	if b := d.take(1); b != "" {
		*v = b[0]
	}
}

func (d *decoder) uint64(v *uint64) {
	number, n := binary.Uvarint([]byte(d.rest[:min(len(d.rest), binary.MaxVarintLen64)]))
	if n <= 0 {
		d.bad = true
		return
	}
	d.take(uint64(n))
	*v = number
}

func (d *decoder) int64(v *int64) {
	var zigzag uint64
	d.uint64(&zigzag)
	*v = int64(zigzag>>1) ^ -int64(zigzag&1)
}

func (d *decoder) text(v *string) {
	var n uint64
	d.uint64(&n)
	*v = d.take(n)
}

func (d *decoder) hash(v *[32]byte) {
	var there uint8
	d.uint8(&there)
	if there != 0 {
		copy(v[:], d.take(uint64(len(v))))
	}
}

func (d *decoder) time(v *time.Time) {
	var nanoseconds int64
	d.int64(&nanoseconds)
	if nanoseconds != 0 {
		*v = time.Unix(0, nanoseconds).UTC()
	}
}
