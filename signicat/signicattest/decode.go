package signicattest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	strict "github.com/go-jose/go-jose/v4/json"
)

// members reads exactly one JSON object. Unlike encoding/json, go-jose's reader compares names with their case and refuses
// a duplicate name: Signicat may refuse a client that sends either.
func members(body []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("not UTF-8")
	}
	var found map[string]json.RawMessage
	if err := strict.Unmarshal(body, &found); err != nil || found == nil {
		return nil, fmt.Errorf("not one JSON object: %w", err)
	}
	return found, nil
}

// field reads the value of one member. It returns the reason when the value is wrong, else "".
type field func(json.RawMessage) (reason string)

// fields are the members that an object may have.
type fields map[string]field

// read reads every member of body with its field, and returns what is wrong, ordered by name.
func (f fields) read(body []byte, required ...string) []invalidParam {
	found, err := members(body)
	if err != nil {
		return []invalidParam{{"body", err.Error()}}
	}
	var wrong []invalidParam
	for _, name := range slices.Sorted(maps.Keys(found)) {
		read, known := f[name]
		if !known {
			wrong = append(wrong, invalidParam{name, "unknown member"})
		} else if reason := read(found[name]); reason != "" {
			wrong = append(wrong, invalidParam{name, reason})
		}
	}
	for _, name := range required {
		if _, present := found[name]; !present {
			wrong = append(wrong, invalidParam{name, "required"})
		}
	}
	return wrong
}

// nested returns a field that reads an object.
func (f fields) nested(required ...string) field {
	return func(raw json.RawMessage) string {
		var reasons []string
		for _, p := range f.read(raw, required...) {
			reasons = append(reasons, p.Name+": "+p.Reason)
		}
		return strings.Join(reasons, ", ")
	}
}

// nullable returns a field that reads null as an absent member.
func nullable(f field) field {
	return func(raw json.RawMessage) string {
		if string(raw) == "null" {
			return ""
		}
		return f(raw)
	}
}

func text(to *string) field {
	return func(raw json.RawMessage) string {
		if raw[0] != '"' || json.Unmarshal(raw, to) != nil {
			return "must be a string"
		}
		return ""
	}
}

func oneOf(to *string, values ...string) field {
	return func(raw json.RawMessage) string {
		if text(to)(raw) != "" || !slices.Contains(values, *to) {
			return "must be one of " + strings.Join(values, ", ")
		}
		return ""
	}
}

func texts(to *[]string, longest int) field {
	return func(raw json.RawMessage) string {
		var items []json.RawMessage
		if raw[0] != '[' || json.Unmarshal(raw, &items) != nil {
			return "must be an array of strings"
		}
		*to = []string{}
		for _, item := range items {
			var t string
			if reason := text(&t)(item); reason != "" {
				return "must be an array of strings"
			}
			if utf8.RuneCountInString(t) > longest {
				return fmt.Sprintf("an item is longer than %d characters", longest)
			}
			*to = append(*to, t)
		}
		return ""
	}
}

// int32s returns a field that reads a whole number. As in .NET, 1.0 and 1e3 are none.
func int32s(to *int32) field {
	return func(raw json.RawMessage) string {
		if json.Unmarshal(raw, to) != nil {
			return "must be a 32-bit whole number"
		}
		return ""
	}
}
