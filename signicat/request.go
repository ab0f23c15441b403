package signicat

// ProviderItsme is Signicat's name of itsme in AllowedProviders and Provider.
const ProviderItsme = "itsme"

// ParameterRedirectURL is the additional parameter with the redirect URL that the itsme app opens. Its
// value must equal a redirect URL of the allow-list in the Signicat Dashboard. Without the parameter
// Signicat uses the default one of that list.
const ParameterRedirectURL = "itsme_redirect_url"

// SessionRequest requests a session of the headless flow. It lacks the members of the redirect and the
// embedded flow, and encryptionPublicKey: answers would be encrypted (application/jose), and this
// client reads JSON only.
// Source: Authentication REST API, SessionRequestDto, 2025-03.
type SessionRequest struct {
	// AllowedProviders are the eIDs that may be used, such as [ProviderItsme], each of at most
	// 30 characters. None means every eID of the account.
	AllowedProviders []string `json:"allowedProviders,omitempty"`
	// RequestedAttributes are the requested attributes, by Signicat's names. It is sent even when empty.
	// They decide which itsme service, and so which contract, is used.
	RequestedAttributes []string `json:"requestedAttributes"`
	// RequestedLoA is the lowest level of assurance wanted. Empty leaves it to the eID.
	// The caller compares the LoA of the answer.
	RequestedLoA LoA `json:"requestedLoa,omitempty"`
	// AdditionalParameters are parameters of the eID, such as [ParameterRedirectURL].
	AdditionalParameters map[string]string `json:"additionalParameters,omitempty"`
	// PrefilledInput is what is known of the person beforehand. itsme needs none of it.
	PrefilledInput *PrefilledInput `json:"prefilledInput,omitempty"`
	// Language is the language of the texts that the user sees, ISO 639-1.
	// Empty, or one that Signicat does not have, means en.
	Language string `json:"language,omitempty"`
	// SessionLifetimeSeconds is the lifetime of the session at Signicat. Whole seconds; zero leaves
	// Signicat's 1200; Signicat raises a value under 300 to 300.
	SessionLifetimeSeconds int `json:"sessionLifetime,omitempty"`
	// Tags are echoed in answers and events, each of at most 100 characters.
	Tags []string `json:"tags,omitempty"`
	// ThemeID is the look of Signicat's pages, of which the headless flow shows none.
	ThemeID string `json:"themeId,omitempty"`
	// ExternalReference is the caller's own name of the session, echoed in answers.
	ExternalReference string `json:"externalReference,omitempty"`
	// UsageReference groups sessions on Signicat's bill.
	UsageReference string `json:"usageReference,omitempty"`
	// RequestDomain is the domain that the person is shown. It must be configured at Signicat.
	RequestDomain string `json:"requestDomain,omitempty"`
}

// PrefilledInput is what is known of the person beforehand. At least one member must be set.
// Which of them an eID looks at is the eID's choice.
type PrefilledInput struct {
	NIN               string `json:"nin,omitempty"`               // national identity number
	Mobile            string `json:"mobile,omitempty"`            // phone number
	Email             string `json:"email,omitempty"`             // email address
	UserName          string `json:"userName,omitempty"`          // the eID's own user name
	DateOfBirth       string `json:"dateOfBirth,omitempty"`       // YYYY-MM-DD
	DeviceID          string `json:"deviceId,omitempty"`          // the eID's name of the device
	FirstName         string `json:"firstName,omitempty"`         // given names
	LastName          string `json:"lastName,omitempty"`          // family name
	BankAccountNumber string `json:"bankAccountNumber,omitempty"` // bank account
	Organisation      string `json:"organisation,omitempty"`      // organisation acted for
}
