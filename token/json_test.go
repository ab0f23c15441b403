package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestParseObject(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		data    string
		want    map[string]any
		wantErr error
	}{
		{"an empty object", `{}`, map[string]any{}, nil},
		{"white space around", " \r\n\t{ } \n", map[string]any{}, nil},
		{"numbers as they are spelled", `{"a":1e300,"b":-0,"c":1.50}`, map[string]any{
			"a": json.Number("1e300"), "b": json.Number("-0"), "c": json.Number("1.50"),
		}, nil},
		{"every kind of value", `{"s":"x","t":true,"n":null,"a":["x",1],"o":{"x":"y"},"e":[],"f":{}}`, map[string]any{
			"s": "x", "t": true, "n": nil, "a": []any{"x", json.Number("1")}, "o": map[string]any{"x": "y"}, "e": []any{},
			"f": map[string]any{},
		}, nil},
		{"names that differ in case", `{"a":"1","A":"2"}`, map[string]any{"a": "1", "A": "2"}, nil},
		{"an escaped name", `{"\u0061":"1"}`, map[string]any{"a": "1"}, nil},
		{"a name twice", `{"a":1,"a":1}`, nil, ErrMalformed},
		{"a name twice, once escaped", `{"a":1,"\u0061":1}`, nil, ErrMalformed},
		{"a name twice within", `{"o":{"a":1,"a":1}}`, nil, ErrMalformed},
		{"two halves of surrogates as names", `{"\ud800":1,"\udfff":1}`, nil, ErrMalformed},
		{"four levels of objects", `{"o":{"o":{"o":{}}}}`, nil, ErrMalformed},
		{"four levels with arrays", `{"o":[[[]]]}`, nil, ErrMalformed},
		{"a name that is no string", `{1:2}`, nil, ErrMalformed},
		{"a value missing", `{"a":}`, nil, ErrMalformed},
		{"a colon missing", `{"a" 1}`, nil, ErrMalformed},
		{"a comma missing", `{"a":1 "b":2}`, nil, ErrMalformed},
		{"a comma missing in an array", `{"a":[1 2]}`, nil, ErrMalformed},
		{"a comma too many", `{"a":1,}`, nil, ErrMalformed},
		{"a comma in front", `{,"a":1}`, nil, ErrMalformed},
		{"a comma too many in an array", `{"a":[1,]}`, nil, ErrMalformed},
		{"the wrong bracket", `{"a":1]`, nil, ErrMalformed},
		{"a bracket too many", `{"a":1}}`, nil, ErrMalformed},
		{"something behind", `{} x`, nil, ErrMalformed},
		{"a NUL behind", "{}\x00", nil, ErrMalformed},
		{"a number with zeros in front", `{"a":007}`, nil, ErrMalformed},
		{"a number with a plus", `{"a":+1}`, nil, ErrMalformed},
		{"a hexadecimal number", `{"a":0x1}`, nil, ErrMalformed},
		{"NaN", `{"a":NaN}`, nil, ErrMalformed},
		{"a line break in a string", "{\"a\":\"\n\"}", nil, ErrMalformed},
		{"bytes that are not UTF-8", "{\"a\":\"\xff\"}", nil, ErrMalformed},
		{"an array", `[]`, nil, ErrMalformed},
		{"a string", `"{}"`, nil, ErrMalformed},
		{"nothing", ``, nil, ErrMalformed},
		{"a million brackets", strings.Repeat(`{"a":`, 1e6), nil, ErrMalformed},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := parseObject([]byte(row.data))
			if !errors.Is(err, row.wantErr) {
				t.Fatalf("got %v, want %v", err, row.wantErr)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzParseObject holds parseObject against encoding/json, which must read the same, and against a second look for
// duplicates, member by member.
func FuzzParseObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1,"a":2}`, `{"a":[1,"x",{}]}`, `{"iss":"https://app.example.be","exp":1773922500}`, `[]`, `{"a":1e300}`,
		`{"\ud800":1}`, "{\"\xff\":1}", `{"a":1}{}`, `{"a":[1,]}`, `{":\"\\":":"\\\":"}`, `{"o":{"a":1},"o":{"b":{"c":2}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber()
		var want map[string]any
		good := json.Valid(data) && utf8.Valid(data) && decoder.Decode(&want) == nil && want != nil && !repeats(data)
		got, err := parseObject(data)
		if good != (err == nil) && !tooDeep(data) {
			t.Fatalf("%q: good %t, error %v", data, good, err)
		}
		if diff := cmp.Diff(want, got); err == nil && diff != "" {
			t.Errorf("%q (-encoding/json +parseObject):\n%s", data, diff)
		}
	})
}

// repeats reports whether an object in valid JSON has two members of one name.
func repeats(data []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(data))
	// seen holds the names of each open object, nil for an array; name is whether a name comes next.
	var seen []map[string]bool
	name := false
	for {
		next, err := decoder.Token()
		if err != nil {
			return false
		}
		switch delim, _ := next.(json.Delim); {
		case delim == '{':
			seen, name = append(seen, map[string]bool{}), true
			continue
		case delim == '[':
			seen, name = append(seen, nil), false
			continue
		case delim != 0:
			seen = seen[:len(seen)-1]
		case name:
			if seen[len(seen)-1][next.(string)] {
				return true
			}
			seen[len(seen)-1][next.(string)] = true
			name = false
			continue
		}
		name = len(seen) > 0 && seen[len(seen)-1] != nil
	}
}

func tooDeep(data []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(data))
	for depth := 0; ; {
		next, err := decoder.Token()
		if err != nil {
			return false
		}
		switch next {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth > maxDepth {
			return true
		}
	}
}
