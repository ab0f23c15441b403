package signicattest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// claimRow maps a claim of itsme to the attributes of Signicat that need it. The order of the rows is the order of the
// claims in the authorization request URL. The first six are in the order of the published sample.
type claimRow struct {
	claim          string
	attributes     []string
	identification bool // needs itsme's Identification service; names and email need Authentication only
}

const itsmeClaim = "http://itsme.services/v2/claim/"

// claimRows returns the table, with the claims as https://belgianmobileid.github.io/doc/ does. Unverified: only those of the published
// sample (birthdate, name, given_name, family_name, BENationalNumber, IDIssuingCountry) are known to be Signicat's choice.
func claimRows() []claimRow {
	return []claimRow{
		{"birthdate", []string{"dateOfBirth"}, true},
		{itsmeClaim + "IDIssuingCountry", []string{"nin"}, true},
		{"name", []string{"name"}, false},
		{itsmeClaim + "BENationalNumber", []string{"nin", "itsmeNationalNumber"}, true},
		{"given_name", []string{"firstName"}, false},
		{"family_name", []string{"lastName"}, false},
		{"email", []string{"email"}, false},
		{"gender", []string{"gender"}, true},
		{"locale", []string{"locale"}, true},
		{"picture", []string{"picture"}, true},
		{"phone_number", []string{"phoneNumber"}, true},
		{"address", []string{"address"}, true},
		{itsmeClaim + "claim_citizenship", []string{"nationality"}, true},
		{itsmeClaim + "place_of_birth", []string{"placeOfBirth", "countryOfBirth"}, true},
		{itsmeClaim + "BEeidSn", []string{"itsmeEid"}, true},
		{itsmeClaim + "issuance_locality", []string{"itsmeIssuanceLocality"}, true},
		{itsmeClaim + "validityFrom", []string{"itsmeValidityFrom"}, true},
		{itsmeClaim + "validityTo", []string{"itsmeValidityTo"}, true},
		{itsmeClaim + "verificationDate", []string{"itsmeReadDate"}, true},
		{itsmeClaim + "claim_device", []string{"itsmeOs", "itsmeAppName", "itsmeAppRelease"}, true},
	}
}

const idpIDAttribute = "idpId"

// Attributes returns the names that requestedAttributes may have for itsme, sorted.
func Attributes() []string {
	names := map[string]bool{idpIDAttribute: true}
	for _, row := range claimRows() {
		for _, a := range row.attributes {
			names[a] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// claimsFor returns the claims that the attributes need, and whether they need the Identification service.
func claimsFor(attributes []string) (claims []string, identification bool) {
	for _, row := range claimRows() {
		asked := func(a string) bool { return slices.Contains(attributes, a) }
		if slices.ContainsFunc(row.attributes, asked) {
			claims = append(claims, row.claim)
			identification = identification || row.identification
		}
	}
	return claims, identification
}

// claimsParameter returns the claims parameter of OpenID Connect, with slashes escaped as in the published sample.
func claimsParameter(claims []string) string {
	members := make([]string, len(claims))
	for i, c := range claims {
		members[i] = `"` + strings.ReplaceAll(c, "/", `\/`) + `":null`
	}
	return `{"id_token":{` + strings.Join(members, ",") + `}}`
}

// reordered returns requestedAttributes in the order of Signicat's answer: sorted, idpId last.
func reordered(attributes []string) []string {
	sorted := append([]string{}, attributes...)
	slices.Sort(sorted)
	if i := slices.Index(sorted, idpIDAttribute); i >= 0 {
		sorted = append(slices.Delete(sorted, i, i+1), idpIDAttribute)
	}
	return sorted
}

const (
	authorizationPath = "/v2/authorization"
	tokenRequestPath  = "/idps/oidc-vendor/itsme/login-headless/token"

	authenticationService = "Signicat_SIMULATOR_AUTHENTICATION"
	identificationService = "Signicat_SIMULATOR_IDENTIFICATION"
)

// authorizationParameters returns the parameters of an authorization request URL, in the order of the published sample.
func (s *sessions) authorizationParameters(x *session) [][2]string {
	claims, identification := claimsFor(x.request.requestedAttributes)
	service := authenticationService
	if identification {
		service = identificationService
	}
	return [][2]string{
		{"ui_locales", cmp.Or(x.request.language, "en")},
		{"scope", "openid service:" + service},
		{"claims", claimsParameter(claims)},
		{"response_type", "code"},
		{"redirect_uri", x.redirectURL},
		{"state", x.state},
		{"nonce", x.nonce},
		{"client_id", s.itsmeClientID},
	}
}
