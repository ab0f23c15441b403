package signicat

// ProviderItsme is Signicat's name of itsme in AllowedProviders and Provider.
const ProviderItsme = "itsme"

// ParameterRedirectURL is the additional parameter with the redirect URL that the itsme app opens. Its
// value must equal a redirect URL of the allow-list in the Signicat Dashboard. Without the parameter
// Signicat uses the default one of that list.
const ParameterRedirectURL = "itsme_redirect_url"

// SessionRequest requests a session of the headless flow. It has the members of the API that itsme uses.
// It lacks encryptionPublicKey, with which answers would be encrypted.
// Source: Authentication REST API, SessionRequestDto, 2025-03.
type SessionRequest struct {
	// AllowedProviders are the eIDs that may be used, such as [ProviderItsme], each of at most
	// 30 characters. None means every eID of the account.
	AllowedProviders []string `json:"allowedProviders,omitempty"`
	// RequestedAttributes are the requested attributes, by Signicat's names. It is sent even when empty.
	// They decide which itsme service, and so which contract, is used.
	RequestedAttributes []string `json:"requestedAttributes"`
	// RequestedLoA is the lowest level of assurance wanted. Empty leaves it to the eID.
	// The caller compares the LoA of the answer. Unverified: how a session ends that reaches less.
	RequestedLoA LoA `json:"requestedLoa,omitempty"`
	// AdditionalParameters are parameters of the eID, such as [ParameterRedirectURL].
	AdditionalParameters map[string]string `json:"additionalParameters,omitempty"`
	// Language is the language of the texts that the user sees, ISO 639-1.
	// Empty, or one that Signicat does not have, means en.
	Language string `json:"language,omitempty"`
	// SessionLifetimeSeconds is the lifetime of the session at Signicat. Whole seconds; zero leaves
	// Signicat's 1200; Signicat raises a value under 300 to 300. Unverified: the longest that it accepts.
	SessionLifetimeSeconds int `json:"sessionLifetime,omitempty"`
}
