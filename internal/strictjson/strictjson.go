// Package strictjson reads JSON and base64url of tokens in one way only. An attacker gains when two readers of one token
// find different values in it.
package strictjson

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4/json"
)

// ErrMalformed is returned for bytes that are not exactly what was asked for.
var ErrMalformed = errors.New("malformed")

// Number is the type of every number in an object of [Object].
type Number = json.Number

// encoding is base64url without padding and without loose bits at the end (RFC 7515 section 2).
var encoding = base64.RawURLEncoding.Strict()

// Base64 reads base64url and accepts one spelling of each value. encoding/base64 skips line breaks even when strict, so
// that one value would have many spellings.
func Base64(text string) ([]byte, error) {
	if strings.IndexByte(text, '\n') >= 0 || strings.IndexByte(text, '\r') >= 0 {
		return nil, ErrMalformed
	}
	data, err := encoding.DecodeString(text)
	if err != nil {
		return nil, ErrMalformed
	}
	return data, nil
}

// Object reads data as exactly one JSON object. Numbers are [Number], objects map[string]any, arrays []any.
//
// go-jose's reader refuses two members of one name at any depth, and keeps names exact. Of {"sub":"a","sub":"b"} one
// reader uses the first and another the last: an attacker would choose which of them is checked (RFC 8725 section
// 2.4). Object also refuses text that is not UTF-8.
func Object(data []byte) (map[string]any, error) {
	if !utf8.Valid(data) {
		return nil, ErrMalformed
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.SetNumberType(json.UnmarshalJSONNumber)
	var value any // the decoder reads it without reflection, unlike a map
	if err := decoder.Decode(&value); err != nil {
		return nil, ErrMalformed
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, ErrMalformed
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, ErrMalformed
	}
	return object, nil
}
