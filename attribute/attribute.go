// Package attribute translates the attributes that Signicat sends of a user: from Signicat's name to
// the claim in our tokens, and from the claim to the header that an upstream gets.
package attribute

import "slices"

// Attribute is one row of the translation from a Signicat attribute to a claim and a header.
type Attribute struct {
	// Name is Signicat's name of the attribute. Its App2App guide has name, firstName, lastName, dateOfBirth, nin and
	// idpId. Unverified: the others, which a reseller of the same API documents.
	// Source: https://docs.developer.rabobank.com/identity-risk/reference/itsme-attribute-reference.
	Name string
	// Claim is the name in our tokens. It is that of OpenID Connect when there is one.
	Claim string
	// Form selects how the value is read and written.
	Form Form
	// Sensitive attributes reach the token only when token { claims } names them.
	Sensitive bool
}

// Form selects how an attribute's value is read from Signicat and written as a claim.
type Form uint8

// The forms.
const (
	// Text is an unchanged string.
	Text Form = iota
	// Lower is a string in lower case.
	Lower
	// Phone is a number in E.164, without the blanks that itsme writes.
	Phone
	// Email is a string, never verified by itsme: email_verified is false.
	Email
	// Address is {"formatted": ...}.
	Address
	// NIN is {"value", "issuing_country", "type"}.
	NIN
)

// All returns a copy of the table: every attribute of itsme whose name in Signicat's REST API is known.
func All() []Attribute { return slices.Clone(table) }

var table = []Attribute{
	{Name: "name", Claim: "name"},
	{Name: "firstName", Claim: "given_name"},
	{Name: "lastName", Claim: "family_name"},
	{Name: "dateOfBirth", Claim: "birthdate"},
	{Name: "email", Claim: "email", Form: Email},
	{Name: "gender", Claim: "gender"},
	{Name: "locale", Claim: "locale", Form: Lower},
	{Name: "picture", Claim: "picture"},
	{Name: "phoneNumber", Claim: "phone_number", Form: Phone},
	{Name: "address", Claim: "address", Form: Address},
	{Name: "nationality", Claim: "nationality"},
	{Name: "placeOfBirth", Claim: "place_of_birth"},
	{Name: "countryOfBirth", Claim: "country_of_birth"},
	{Name: "nin", Claim: "nin", Form: NIN, Sensitive: true},
	{Name: "idpId", Claim: "idp_id", Sensitive: true},
	{Name: "itsmeNationalNumber", Claim: "itsme_national_number", Sensitive: true},
	{Name: "itsmeEid", Claim: "itsme_eid", Sensitive: true},
	{Name: "itsmeIssuanceLocality", Claim: "itsme_issuance_locality"},
	{Name: "itsmeValidityFrom", Claim: "itsme_validity_from"},
	{Name: "itsmeValidityTo", Claim: "itsme_validity_to"},
	{Name: "itsmeReadDate", Claim: "itsme_read_date"},
	{Name: "itsmeOs", Claim: "itsme_os"},
	{Name: "itsmeAppName", Claim: "itsme_app_name"},
	{Name: "itsmeAppRelease", Claim: "itsme_app_release"},
}

// Named returns the attribute with that name of Signicat's.
func Named(name string) (a Attribute, ok bool) {
	i := slices.IndexFunc(table, func(a Attribute) bool { return a.Name == name })
	if i < 0 {
		return Attribute{}, false
	}
	return table[i], true
}

// IsSensitive reports whether a claim is that of a sensitive attribute.
func IsSensitive(claim string) bool {
	return slices.ContainsFunc(table, func(a Attribute) bool { return a.Claim == claim && a.Sensitive })
}

// Names returns Signicat's name of every attribute, in the order of the table.
func Names() []string {
	names := make([]string, len(table))
	for i, a := range table {
		names[i] = a.Name
	}
	return names
}

// DefaultClaims returns the claims of a token when the configuration names none: those of the
// requested attributes, without the sensitive ones.
func DefaultClaims(asked []string) []string {
	claims := []string{}
	for _, name := range asked {
		if a, ok := Named(name); ok && !a.Sensitive {
			claims = append(claims, a.Claim)
		}
	}
	return claims
}
