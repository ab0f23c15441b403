package signicattest

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"strings"
	"time"
)

// loas are the levels of assurance, the lowest first.
var loas = []string{"low", "substantial", "high"}

// Persona is a simulated person with an itsme account.
type Persona struct {
	// Key is the persona's name in this API, on the itsme page and in the management API.
	Key string `json:"key"`

	// Description is one line about the persona.
	Description string `json:"description"`

	// LoA is the level of assurance of the person's identification.
	LoA string `json:"loa"`

	// SubjectID is Signicat's subject.id: 44 characters, the same for every login of the persona at one account or
	// organisation. It has the shape of Signicat's hash; how Signicat computes it is not published.
	SubjectID string `json:"subject_id"`

	// IDPID is itsme's own identifier of the person, given as the attribute idpId.
	IDPID string `json:"idp_id"`

	// NIN is the national number; empty for a person without a Belgian document.
	NIN string `json:"nin,omitempty"`

	// Address is the postal address; nil for a person without a Belgian document.
	Address *Address `json:"address,omitempty"`

	// Attributes are the values of every other attribute that the person has, by Signicat's names.
	Attributes map[string]string `json:"attributes"`
}

// Address is itsme's form of an address.
type Address struct {
	Formatted     string `json:"formatted"`      // all of it, as one text
	StreetAddress string `json:"street_address"` // street, number and box
	PostalCode    string `json:"postal_code"`
	Locality      string `json:"locality"` // the municipality
}

// personas returns the personas. It uses the clock of the start, so that the minor stays a minor during the run.
func (c Config) personas() []Persona {
	people := []Persona{
		person("adult", "an adult with every attribute", "high", "Lien", "Peeters", date(1988, time.March, 14), 0, 102),
		person("bis", "a person with a BIS number, who is not in the population register", "high", "Amina", "Benali", date(1990, time.July, 2), bisKnownSex, 214),
		person("letters", "a name beyond ASCII; born after 2000", "high", "Zoë Αθηνά", "Lefèvre-Öztürk Łukasik", date(2001, time.January, 31), 0, 36),
		mononym(),
		foreigner(),
		person("minor", "16 years old", "high", "Noah", "Janssens", c.Now().UTC().AddDate(-16, -6, 0), 0, 311),
		person("substantial", "identified with LoA substantial", "substantial", "Emma", "Claes", date(1975, time.December, 24), bisUnknownSex, 458),
		person("low", "identified with LoA low", "low", "Luc", "Dubois", date(1969, time.May, 5), 0, 77),
	}
	for i := range people {
		people[i].identify(cmp.Or(c.OrganizationID, c.AccountID))
	}
	return people
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// person returns a persona with a Belgian document and every attribute.
func person(key, description, loa, first, last string, born time.Time, bis, serial int) Persona {
	gender := []string{"female", "male"}[serial%2]
	nin := nationalNumber(born, bis, serial)
	return Persona{
		Key: key, Description: description, LoA: loa, NIN: nin,
		Address: &Address{"Rue Royale 82 1000 Bruxelles", "Rue Royale 82", "1000", "Bruxelles"},
		Attributes: map[string]string{
			"name": first + " " + last, "firstName": first, "lastName": last,
			"dateOfBirth": born.Format(time.DateOnly), "gender": gender,
			"email": key + "@example.be", "locale": "NL", "phoneNumber": "+32 470000" + nin[6:9],
			"picture":     "https://idp.e2e.itsme.services/v2/picture",
			"nationality": "belge", "placeOfBirth": "Bruxelles", "countryOfBirth": "Belgique",
			"itsmeNationalNumber":   spacedNationalNumber(nin),
			"itsmeEid":              cardNumber(5_920_000_000 + serial),
			"itsmeIssuanceLocality": "Bruxelles",
			"itsmeValidityFrom":     "2021-01-31T00:00:00+00Z",
			"itsmeValidityTo":       "2031-01-31T00:00:00+00Z",
			"itsmeReadDate":         "2021-02-15T00:00:00+00Z",
			"itsmeOs":               "ANDROID", "itsmeAppName": "be.bmid.itsme.e2e", "itsmeAppRelease": "4.0.0",
		},
	}
}

// mononym returns a persona without a first name and without the attributes that itsme gives on best effort.
func mononym() Persona {
	p := person("mononym", "a person without a first name, and without the attributes that itsme does not promise", "high",
		"", "Suharto", date(1982, time.November, 11), 0, 99)
	for _, a := range strings.Fields("firstName dateOfBirth email locale picture placeOfBirth countryOfBirth " +
		"itsmeIssuanceLocality itsmeValidityFrom itsmeValidityTo itsmeReadDate itsmeOs itsmeAppName itsmeAppRelease") {
		delete(p.Attributes, a)
	}
	p.Attributes["name"] = "Suharto"
	return p
}

// foreigner returns a persona with a Dutch document: no national number, no address, the nationality as ISO 3166-1 alpha-3.
func foreigner() Persona {
	p := person("foreign", "a person with a Dutch document: no nin, no address", "high", "Pieter", "de Vries", date(1993, time.August, 8), 0, 501)
	p.NIN, p.Address = "", nil
	delete(p.Attributes, "itsmeNationalNumber")
	maps.Copy(p.Attributes, map[string]string{
		"nationality": "NLD", "placeOfBirth": "Utrecht", "countryOfBirth": "Nederland", "phoneNumber": "+31 612345678",
		"itsmeEid": "NX1234567", "locale": "nl", "itsmeIssuanceLocality": "Utrecht", "itsmeOs": "iOS",
	})
	return p
}

// identify sets both identifiers: itsme's of the person, and Signicat's of the person at this customer.
func (p *Persona) identify(customer string) {
	sum := sha256.Sum256([]byte("itsme account of persona " + p.Key))
	for i := range 36 {
		sum[i%32] = sum[i%32]*31 + byte(i)
		p.IDPID += string(lowerAlphanumeric[int(sum[i%32])%len(lowerAlphanumeric)])
	}
	hash := sha256.Sum256([]byte(provider + "\x00" + p.IDPID + "\x00" + customer))
	p.SubjectID = strings.NewReplacer("+", "-", "/", "-").Replace(base64.StdEncoding.EncodeToString(hash[:]))
}

// subject returns the subject of a successful session: of the requested attributes those that the person has.
func (p *Persona) subject(asked []string, sw Switches) map[string]any {
	subject := map[string]any{"id": p.SubjectID}
	for _, a := range asked {
		if v, ok := p.Attributes[a]; ok {
			subject[a] = v
			continue
		}
		switch {
		case a == idpIDAttribute:
			subject[a] = p.IDPID
		case a == "nin" && p.NIN != "" && sw.NINAsString:
			subject[a] = p.NIN
		case a == "nin" && p.NIN != "":
			subject[a] = map[string]any{"value": p.NIN, "issuingCountry": "BE", "type": "PERSON"}
		case a == "address" && p.Address != nil && sw.AddressAsObject:
			subject[a] = p.Address
		case a == "address" && p.Address != nil:
			subject[a] = p.Address.Formatted
		}
	}
	return subject
}
