package signicat

import (
	"encoding/json"
	"maps"
	"strings"
)

// Subject is the user of a successful session.
type Subject struct {
	// ID is Signicat's pseudonym of the user: one value for all accounts of an organisation.
	// Empty when Signicat sent none.
	// Source: https://developer.signicat.com/docs/eid-hub/concepts/subject/
	ID string
	// Attributes are all other members, by Signicat's names, without those that are null. Their forms
	// differ by eID: read them with Text, NIN and Address.
	Attributes map[string]json.RawMessage
}

// NIN is a national identity number.
type NIN struct {
	Value          string `json:"value"`          // the number itself, such as 11 digits in Belgium
	IssuingCountry string `json:"issuingCountry"` // ISO 3166-1 alpha-2; empty when unknown
	Type           string `json:"type"`           // such as PERSON; empty when unknown
}

// Text returns an attribute that is a JSON string. It is false when the attribute is
// missing, empty, or of another type.
func (s *Subject) Text(attribute string) (string, bool) {
	return text(s.Attributes[attribute])
}

// NIN returns the attribute nin. It is an object; some eIDs send the number as a string. It is false
// without a number.
func (s *Subject) NIN() (NIN, bool) {
	raw := s.Attributes["nin"]
	if value, ok := text(raw); ok {
		return NIN{Value: value}, true
	}
	nin := NIN{
		Value:          member(raw, "value"),
		IssuingCountry: member(raw, "issuingCountry"),
		Type:           member(raw, "type"),
	}
	return nin, nin.Value != ""
}

// Address returns the attribute address as one text. It is false when there is none.
// Unverified: whether Signicat sends a string or itsme's object, so both are read. An object
// without formatted becomes "street_address, postal_code locality".
func (s *Subject) Address() (formatted string, ok bool) {
	raw := s.Attributes["address"]
	if value, ok := text(raw); ok {
		return value, true
	}
	if formatted = member(raw, "formatted"); formatted != "" {
		return formatted, true
	}
	town := join(" ", member(raw, "postal_code"), member(raw, "locality"))
	formatted = join(", ", member(raw, "street_address"), town)
	return formatted, formatted != ""
}

// UnmarshalJSON reads the flat object that Signicat sends.
func (s *Subject) UnmarshalJSON(data []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	maps.DeleteFunc(members, func(_ string, raw json.RawMessage) bool { return string(raw) == "null" })
	var id string
	if raw, ok := members["id"]; ok {
		if err := json.Unmarshal(raw, &id); err != nil {
			return err
		}
		delete(members, "id")
	}
	*s = Subject{ID: id, Attributes: members}
	return nil
}

// text reads a JSON string that is not empty.
func text(raw json.RawMessage) (string, bool) {
	var value string
	err := json.Unmarshal(raw, &value)
	return value, err == nil && value != ""
}

// member returns a string of an object, or "".
func member(raw json.RawMessage, name string) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return ""
	}
	value, _ := text(members[name])
	return value
}

// join joins the parts that are not empty.
func join(separator string, parts ...string) string {
	var there []string
	for _, part := range parts {
		if part != "" {
			there = append(there, part)
		}
	}
	return strings.Join(there, separator)
}
