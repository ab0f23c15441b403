package signicat

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
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
	var nin NIN
	_ = json.Unmarshal(raw, &nin) // a member of another type stays empty
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
	var address struct {
		Formatted  string `json:"formatted"`
		Street     string `json:"street_address"`
		PostalCode string `json:"postal_code"`
		Locality   string `json:"locality"`
	}
	_ = json.Unmarshal(raw, &address) // a member of another type stays empty
	town := join(" ", address.PostalCode, address.Locality)
	formatted = cmp.Or(address.Formatted, join(", ", address.Street, town))
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

// join joins the parts that are not empty.
func join(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), separator)
}
