package firstlogin

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
)

var (
	// plainName matches the name of a member. Another name is replaced: it could be a value.
	plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,39}$`)
	// plainWord matches a value that is a word of an API. Codes, ids and tokens have digits.
	plainWord = regexp.MustCompile(`^[A-Za-z_-]{1,40}$`)
)

// words are the members whose value is a word of Signicat's API. Every other text is left out.
var words = []string{"status", "code", "loa", "provider", "flow", "error", "token_type"}

// numbers are the members whose value is a setting.
var numbers = []string{"status", "sessionLifetime", "expires_in"}

// shapeOf returns the form of a body without what is personal or secret in it: names and types of members, and
// the values of words and numbers. Nothing of a subject keeps its value.
func shapeOf(body []byte) any {
	if len(body) == 0 {
		return nil
	}
	var value any
	if json.Unmarshal(body, &value) != nil {
		return "not JSON"
	}
	return shape(value, "", false)
}

func shape(value any, name string, personal bool) any {
	switch v := value.(type) {
	case map[string]any:
		members := make(map[string]any, len(v))
		for name, member := range v {
			private := personal || name == "subject" || name == "prefilledInput"
			if !plainName.MatchString(name) {
				name = "(another name)"
			}
			members[name] = shape(member, name, private)
		}
		return members
	case []any:
		if len(v) == 0 {
			return []any{}
		}
		return []any{shape(v[0], "", personal)}
	case string:
		if !personal && slices.Contains(words, name) && plainWord.MatchString(v) {
			return v
		}
		return "(text)"
	case float64:
		if !personal && slices.Contains(numbers, name) && v == math.Trunc(v) && math.Abs(v) < 1e6 {
			return v
		}
		return "(number)"
	case bool:
		return "(boolean)"
	}
	return nil
}
