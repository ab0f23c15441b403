package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"
)

// encoding is base64url without padding and without loose bits at the end (RFC 7515 section 2).
var encoding = base64.RawURLEncoding.Strict()

// decode reads base64url in its one and only spelling: encoding/base64 skips line breaks even when strict, which would
// let one token be written in many ways.
func decode(text string) ([]byte, error) {
	if strings.IndexByte(text, '\n') >= 0 || strings.IndexByte(text, '\r') >= 0 {
		return nil, ErrMalformed
	}
	data, err := encoding.DecodeString(text)
	if err != nil {
		return nil, ErrMalformed
	}
	return data, nil
}

// maxDepth bounds how deeply JSON is nested. A token needs two levels; a JWK set, which is refused by that name, has
// three.
const maxDepth = 3

// parseObject reads data as exactly one JSON object. Numbers are json.Number, objects map[string]any, arrays []any.
//
// Unlike json.Unmarshal it refuses two members of one name, at any depth: of {"sub":"a","sub":"b"} one reader takes
// the first and another the last, and who chooses which is read chooses who is let in (RFC 8725 section 2.4). It also
// keeps names exact, where a struct would take "SUB" for "sub", and refuses what is not UTF-8.
func parseObject(data []byte) (map[string]any, error) {
	if !utf8.Valid(data) {
		return nil, ErrMalformed
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any // which encoding/json reads without reflection, unlike a map
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
	// Of two members of one name the map keeps one, so that it has fewer members than the text has colons.
	members, flat := countMembers(object, maxDepth)
	if !flat || members != countColons(data) {
		return nil, ErrMalformed
	}
	return object, nil
}

// countMembers returns how many members the objects in value have together; not ok when it is nested too deeply.
func countMembers(value any, depth int) (members int, ok bool) {
	object, isObject := value.(map[string]any)
	array, isArray := value.([]any)
	if !isObject && !isArray {
		return 0, true
	}
	if depth == 0 {
		return 0, false
	}
	members = len(object)
	add := func(element any) bool {
		more, ok := countMembers(element, depth-1)
		members += more
		return ok
	}
	for _, element := range object {
		if !add(element) {
			return 0, false
		}
	}
	for _, element := range array {
		if !add(element) {
			return 0, false
		}
	}
	return members, true
}

// countColons returns how many colons of valid JSON are not within a string: one for each member.
func countColons(data []byte) (colons int) {
	quoted := false
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			quoted = !quoted
		case '\\':
			// Whatever is escaped ends no string, and a backslash stands nowhere else.
			i++
		case ':':
			if !quoted {
				colons++
			}
		}
	}
	return colons
}
