package gateway

import (
	"slices"
	"strings"
)

// Attribute is one row of the translation from a Signicat attribute to a claim and a header.
type Attribute struct {
	// Name is Signicat's name of the attribute.
	// Source: https://developer.signicat.com/identity-methods/itsme/attribute-reference/.
	Name string
	// Claim is the name in our tokens: OpenID Connect's where it has one.
	Claim string
	// Form says how the value is read.
	Form Form
	// Sensitive attributes reach the token only when token { claims } names them.
	Sensitive bool
}

// Form is how an attribute's value is read from Signicat and written as a claim.
type Form uint8

// The forms.
const (
	// Text is a string, as it is.
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

// Attributes is every attribute that itsme can give through Signicat's REST API.
// Unverified: the names of the device attributes that Signicat documents only in part.
func Attributes() []Attribute { return slices.Clone(attributes) }

var attributes = []Attribute{
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

// AttributeNamed finds an attribute by Signicat's name.
func AttributeNamed(name string) (Attribute, bool) {
	i := slices.IndexFunc(attributes, func(a Attribute) bool { return a.Name == name })
	if i < 0 {
		return Attribute{}, false
	}
	return attributes[i], true
}

// Header is the upstream header of the attribute's claim.
func (a Attribute) Header() string { return claimHeader(a.Claim) }

// HeaderPrefix begins every identity header that an upstream gets from the gateway.
const HeaderPrefix = "X-Itsme-"

// subjectHeader tells the subject: sub is no word for a header.
const subjectHeader = HeaderPrefix + "Subject"

// ownHeaders are the headers of every claim that the gateway gives a token.
var ownHeaders = func() map[string]string {
	headers := map[string]string{"sub": subjectHeader}
	for _, claim := range []string{"acr", "auth_time", "email_verified"} {
		headers[claim] = claimHeader(claim)
	}
	for _, a := range attributes {
		headers[a.Claim] = a.Header()
	}
	return headers
}()

// ownHeader is the header that tells a claim.
func ownHeader(claim string) string {
	if header, ok := ownHeaders[claim]; ok {
		return header
	}
	return claimHeader(claim)
}

// claimHeader is the rule for every claim: X-Itsme- and the claim's words in capitals.
func claimHeader(claim string) string {
	words := strings.Split(claim, "_")
	for i, w := range words {
		if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return HeaderPrefix + strings.Join(words, "-")
}

// defaultClaims are the claims of every attribute asked for but the sensitive ones.
func defaultClaims(asked []string) []string {
	claims := []string{}
	for _, name := range asked {
		if a, ok := AttributeNamed(name); ok && !a.Sensitive {
			claims = append(claims, a.Claim)
		}
	}
	return claims
}
