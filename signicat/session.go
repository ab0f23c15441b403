package signicat

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Session is what Signicat says about a session when it is created, read or cancelled.
// It carries every member that a headless session can have; those of the redirect and the
// embedded flow are left out. Signicat omits what it has nothing to say about: the zero value.
// Source: Authentication REST API, SessionDataDto and SessionData, 2025-03; loa later.
type Session struct {
	// ID names the session. GUID shaped, but not always an RFC 4122 one: never look into it.
	ID string `json:"id"`
	// AccountID is the Signicat account that the session belongs to.
	AccountID string `json:"accountId"`
	// Status is how far the session got.
	Status Status `json:"status"`
	// StatusDetail says more about an ERROR, in Signicat's words.
	StatusDetail string `json:"statusDetail,omitempty"`
	// StatusURL is where Signicat says that the session can be read. Session does not use it.
	StatusURL string `json:"statusUrl,omitempty"`
	// Provider is the eID that the person used, such as [ProviderItsme]. Set on SUCCESS.
	Provider string `json:"provider,omitempty"`
	// Subject is the person. Nil unless Status is SUCCESS.
	Subject *Subject `json:"subject,omitempty"`
	// LoA is the level of assurance reached. Set on SUCCESS.
	LoA LoA `json:"loa,omitempty"`
	// IDPData is where the person goes, and what validates their code.
	IDPData IDPData `json:"idpData,omitzero"`
	// TransactionID is the transaction as reading tells it, when it does.
	// Unverified: whether it equals IDPData.TransactionID for itsme.
	TransactionID string `json:"transactionId,omitempty"`
	// Error is why the session failed. Nil unless Status is ERROR.
	Error *SessionError `json:"error,omitempty"`
	// Environment is the person's device as Signicat saw it. Often empty in the headless flow.
	Environment Environment `json:"environment,omitzero"`
	// Flow is the flow of the session: headless.
	Flow string `json:"flow,omitempty"`
	// AllowedProviders are the eIDs that may be used.
	AllowedProviders []string `json:"allowedProviders,omitempty"`
	// RequestedAttributes are the attributes asked for, in Signicat's order, idpId added: a set.
	RequestedAttributes []string `json:"requestedAttributes,omitempty"`
	// Language is the language of Signicat's texts, ISO 639-1.
	Language string `json:"language,omitempty"`
	// Tags are the request's.
	Tags []string `json:"tags,omitempty"`
	// ThemeID is the request's.
	ThemeID string `json:"themeId,omitempty"`
	// ExternalReference is the request's.
	ExternalReference string `json:"externalReference,omitempty"`
	// UsageReference is the request's.
	UsageReference string `json:"usageReference,omitempty"`
	// RequestDomain is the request's.
	RequestDomain string `json:"requestDomain,omitempty"`
	// SessionLifetimeSeconds is how long Signicat keeps the session open. Whole seconds.
	SessionLifetimeSeconds int `json:"sessionLifetime,omitempty"`
	// ExpiresAt is when the session ends by itself. Zero when Signicat does not say.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// MessageTransport tells how Signicat protects the session's messages.
	MessageTransport MessageTransport `json:"messageTransportProperties,omitzero"`
}

// IDPData is what a headless itsme session hands to its caller.
// Nothing in it is checked here; see [Client.CheckTokenRequestURL] for the one that is sent to.
type IDPData struct {
	// AuthorizationRequestURL is the deep link that opens the itsme app. It carries the state.
	AuthorizationRequestURL string `json:"authorizationRequestUrl,omitempty"`
	// TokenRequestURL is where the code is validated.
	TokenRequestURL string `json:"tokenRequestUrl,omitempty"`
	// TransactionID names the transaction with itsme. It is not the session's ID.
	TransactionID string `json:"transactionId,omitempty"`
}

// SessionError is why a session ended in ERROR, in Signicat's words.
// Title and Detail are free text: for a person to read, not for a log.
type SessionError struct {
	Type   string `json:"type,omitempty"`   // a page about the code
	Title  string `json:"title,omitempty"`  // what went wrong
	Detail string `json:"detail,omitempty"` // more of it
	Code   string `json:"code,omitempty"`   // such as invalid_account_id
}

// LogCode is Code as far as it is fit for a log, bounded as that of an [Error].
func (e SessionError) LogCode() string { return word(e.Code) }

// Environment is the person's device as Signicat saw it.
type Environment struct {
	IPAddress string `json:"ipAddress,omitempty"` // where it called from
	UserAgent string `json:"userAgent,omitempty"` // the User-Agent header of its browser
}

// MessageTransport tells how Signicat protects a session's messages.
type MessageTransport struct {
	MessageLevelEncryption string `json:"messageLevelEncryption,omitempty"` // such as NOT_REQUIRED
	RequireHSMSigning      bool   `json:"requireHsmSigning,omitempty"`
}

// LogValue shows the session's ID, status and error code alone: a session logged by mistake
// tells neither who the person is nor the state that its login hangs on.
func (s Session) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("id", s.ID), slog.String("status", word(string(s.Status)))}
	if s.Error != nil {
		attrs = append(attrs, slog.String("error_code", s.Error.LogCode()))
	}
	return slog.GroupValue(attrs...)
}

// decodeSession reads a session that a caller can go on with.
func decodeSession(body []byte) (*Session, error) {
	s := new(Session)
	if err := json.Unmarshal(body, s); err != nil {
		return nil, notSession(err)
	}
	switch {
	case !validSessionID(s.ID):
		return nil, fmt.Errorf("%w: no usable id", ErrInvalidResponse)
	case !visible(s.AccountID, maxID):
		return nil, fmt.Errorf("%w: no usable accountId", ErrInvalidResponse)
	case s.Status == "":
		return nil, fmt.Errorf("%w: no status", ErrInvalidResponse)
	}
	return s, nil
}

// notSession names the member that is wrong, never its value: encoding/json quotes numbers,
// and time quotes all that it cannot parse.
func notSession(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && word(wrong.Field) != "" {
		return fmt.Errorf("%w: wrong type of member %s", ErrInvalidResponse, wrong.Field)
	}
	return fmt.Errorf("%w: not the JSON of a session", ErrInvalidResponse)
}
