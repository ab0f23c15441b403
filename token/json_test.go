package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	josejson "github.com/go-jose/go-jose/v4/json"
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
			"a": josejson.Number("1e300"), "b": josejson.Number("-0"), "c": josejson.Number("1.50"),
		}, nil},
		{"every kind of value", `{"s":"x","t":true,"n":null,"a":["x",1],"o":{"x":"y"},"e":[],"f":{}}`, map[string]any{
			"s": "x", "t": true, "n": nil, "a": []any{"x", josejson.Number("1")}, "o": map[string]any{"x": "y"}, "e": []any{},
			"f": map[string]any{},
		}, nil},
		{"names that differ in case", `{"a":"1","A":"2"}`, map[string]any{"a": "1", "A": "2"}, nil},
		{"an escaped name", `{"\u0061":"1"}`, map[string]any{"a": "1"}, nil},
		{"a name twice", `{"a":1,"a":1}`, nil, ErrMalformed},
		{"a name twice, once escaped", `{"a":1,"\u0061":1}`, nil, ErrMalformed},
		{"a name twice within", `{"o":{"a":1,"a":1}}`, nil, ErrMalformed},
		{"two halves of surrogates as names", `{"\ud800":1,"\udfff":1}`, nil, ErrMalformed},
		{"a name twice in an object of an array", `{"a":[1,{"b":1,"b":1}]}`, nil, ErrMalformed},
		{"a name twice, far down", `{"a":{"b":[[{"c":{"d":{"e":1,"f":2,"e":3}}}]]}}`, nil, ErrMalformed},
		{"the empty name twice", `{"":1,"":1}`, nil, ErrMalformed},
		{"a name twice, with an object between", `{"sub":"a","o":{"sub":"b"},"sub":"c"}`, nil, ErrMalformed},
		{"one name in two objects", `{"o":{"a":"1"},"p":{"a":"2"}}`, map[string]any{
			"o": map[string]any{"a": "1"}, "p": map[string]any{"a": "2"},
		}, nil},
		{"names that differ in case, far down", `{"o":{"sub":"1","SUB":"2","ſub":"3"}}`, map[string]any{
			"o": map[string]any{"sub": "1", "SUB": "2", "ſub": "3"},
		}, nil},
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
		if good != (err == nil) {
			t.Fatalf("%q: good %t, error %v", data, good, err)
		}
		if diff := cmp.Diff(any(want), plain(got)); err == nil && diff != "" {
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

// plain returns a value with the numbers of encoding/json.
func plain(value any) any {
	switch v := value.(type) {
	case josejson.Number:
		return json.Number(v)
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = plain(v[name])
		}
	}
	return value
}
