package store

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

var (
	// errCorrupt is returned for bytes that are not the JSON of a record or family.
	errCorrupt = errors.New("stored JSON is corrupt")
	// ErrNewer is returned, together with [ErrUnavailable], for a record or family with a word in Needs
	// that this release does not know. The store does not change it.
	ErrNewer = errors.New("stored by a newer release, upgrade this replica")
)

// supported are the words in Needs that this release knows. A release that stores members which an older
// one must not ignore writes a new word and adds it here.
var supported = []string{needDPoP}

// needDPoP is the need of a login that is bound to a key (RFC 9449).
const needDPoP = "dpop"

// withNeed adds a word to the words of Needs.
func withNeed(needs, word string) string {
	words := strings.Fields(needs)
	if !slices.Contains(words, word) {
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// Members is a JSON object with the members of a newer release that this release does not know. It is
// empty without any.
type Members string

// Bytes32 is a hash or a secret. In JSON it is base64url without padding.
type Bytes32 [32]byte

// MarshalText implements encoding.TextMarshaler.
func (b Bytes32) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b[:]), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Bytes32) UnmarshalText(text []byte) error {
	data, err := base64.RawURLEncoding.Strict().AppendDecode(nil, text)
	if err != nil || len(data) != len(b) {
		return errCorrupt
	}
	copy(b[:], data)
	return nil
}

// marshal returns a value in JSON, together with the members of a newer release.
func marshal(value any, unknown Members) ([]byte, error) {
	data, err := plainJSON(value)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	case unknown == "":
		return data, nil
	case len(data) == len("{}"):
		return []byte(unknown), nil
	}
	data[len(data)-1] = ','
	return append(data, unknown[1:]...), nil
}

// plainJSON returns a value in JSON without escaping "&": json.Marshal writes six bytes for each, and a
// link has many.
func plainJSON(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// unmarshal reads what marshal wrote, in this release or another. It returns [errCorrupt] or
// [ErrNewer].
func unmarshal[T any](data []byte) (value *T, unknown Members, err error) {
	if value, ok := unmarshalKnown[T](data); ok {
		return value, "", nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return nil, "", errCorrupt
	}
	// Check the needs first: a newer release may store a member in a form that this one cannot read.
	var needs string
	if member, ok := members["needs"]; ok && json.Unmarshal(member, &needs) != nil {
		return nil, "", errCorrupt
	}
	if err := checkNeeds(needs); err != nil {
		return nil, "", err
	}
	value = new(T)
	if err := json.Unmarshal(data, value); err != nil {
		return nil, "", errCorrupt
	}
	unknown, err = unknownMembers[T](members)
	return value, unknown, err
}

// unmarshalKnown reads JSON in one pass. It is not ok with an unknown member.
func unmarshalKnown[T any](data []byte) (value *T, ok bool) {
	if !bytes.HasPrefix(data, []byte("{")) {
		return nil, false
	}
	value = new(T)
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil {
		return nil, false
	}
	_, err := decoder.Token()
	return value, errors.Is(err, io.EOF)
}

// unknownMembers returns the members that T has no field for.
func unknownMembers[T any](members map[string]json.RawMessage) (Members, error) {
	for field := range reflect.TypeFor[T]().Fields() {
		known, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		maps.DeleteFunc(members, func(name string, _ json.RawMessage) bool { return strings.EqualFold(name, known) })
	}
	if len(members) == 0 {
		return "", nil
	}
	unknown, err := plainJSON(members)
	if err != nil {
		return "", errCorrupt
	}
	return Members(unknown), nil
}

// checkNeeds returns [ErrNewer] when needs has a word that this release does not know.
func checkNeeds(needs string) error {
	for need := range strings.FieldsSeq(needs) {
		if !slices.Contains(supported, need) {
			return fmt.Errorf("%w: %w: it needs %q", ErrUnavailable, ErrNewer, need)
		}
	}
	return nil
}
