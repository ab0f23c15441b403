package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// readForm reads a form body. It refuses a known parameter that is sent twice (RFC 6749 section 3.2): an
// attacker gains when two readers choose different values.
func readForm(r *http.Request, known ...string) (url.Values, error) {
	if err := requireMediaType(r, "application/x-www-form-urlencoded"); err != nil {
		return nil, err
	}
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, requestErrorf("the form is malformed")
	}
	return form, refuseRepeated(form, known)
}

// refuseRepeated refuses a known parameter that is sent more than once.
func refuseRepeated(values url.Values, known []string) error {
	for _, name := range known {
		if len(values[name]) > 1 {
			return requestErrorf("%s is given more than once", name)
		}
	}
	return nil
}

// readJSON reads one JSON object. It matches names of members exactly, which encoding/json does not. A known
// member that is sent twice is refused, as in [readForm]. Unknown members are ignored.
func readJSON(r *http.Request, into any, known ...string) error {
	if err := requireMediaType(r, "application/json"); err != nil {
		return err
	}
	body, err := readBody(r)
	if err != nil {
		return err
	}
	members, err := membersOf(body, known)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(members, into); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) && kind.Field != "" {
			return requestErrorf("%s has the wrong JSON type", kind.Field)
		}
		return requestErrorf("the body is not valid JSON")
	}
	return nil
}

// membersOf returns a JSON object that holds only the known members of another one.
func membersOf(body []byte, known []string) ([]byte, error) {
	if !json.Valid(body) {
		return nil, requestErrorf("the body is not valid JSON")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return nil, requestErrorf("the body is not a JSON object")
	}
	members := make(map[string]json.RawMessage)
	for decoder.More() {
		var value json.RawMessage
		token, err := decoder.Token()
		if err == nil {
			err = decoder.Decode(&value)
		}
		if err != nil {
			return nil, requestErrorf("the body is not valid JSON")
		}
		name, _ := token.(string)
		if !slices.Contains(known, name) {
			continue
		}
		if _, twice := members[name]; twice {
			return nil, requestErrorf("%s is given more than once", name)
		}
		members[name] = value
	}
	return json.Marshal(members)
}

// requireMediaType refuses every other media type. Package mime trims and folds by Unicode, so a value beyond
// printable ASCII is refused first.
func requireMediaType(r *http.Request, want string) error {
	sent := r.Header["Content-Type"]
	if len(sent) != 1 || strings.ContainsFunc(sent[0], func(r rune) bool { return r != '\t' && (r < ' ' || r > '~') }) {
		return errMediaType
	}
	if mediaType, _, err := mime.ParseMediaType(sent[0]); err != nil || mediaType != want {
		return errMediaType
	}
	return nil
}

// texts reads a string, or an array of strings. null counts as omitted, as for every other member.
type texts []string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *texts) UnmarshalJSON(data []byte) error {
	var one *string
	if json.Unmarshal(data, &one) != nil {
		return json.Unmarshal(data, (*[]string)(t))
	}
	if one != nil {
		*t = texts{*one}
	}
	return nil
}
