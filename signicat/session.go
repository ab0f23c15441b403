package signicat

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Session is a session as Signicat returns it when it is created, read or cancelled. It has every
// member of a headless session, and none of the redirect and the embedded flow. A member that Signicat
// leaves out is zero.
// Source: Authentication REST API, SessionDataDto and SessionData, 2025-03; loa later.
type Session struct {
	// ID names the session. It is shaped like a GUID, but not always one of RFC 4122: do not parse it.
	ID string `json:"id"`
	// AccountID is the Signicat account that the session belongs to.
	AccountID string `json:"accountId"`
	// Status is the state of the session.
	Status Status `json:"status"`
	// StatusDetail is Signicat's text about an ERROR.
	StatusDetail string `json:"statusDetail,omitempty"`
	// StatusURL is the URL of the session according to Signicat. Session does not use it.
	StatusURL string `json:"statusUrl,omitempty"`
	// Provider is the eID that the user used, such as [ProviderItsme]. Set on SUCCESS.
	Provider string `json:"provider,omitempty"`
	// Subject is the user. Nil unless Status is SUCCESS.
	Subject *Subject `json:"subject,omitempty"`
	// LoA is the level of assurance reached. Set on SUCCESS.
	LoA LoA `json:"loa,omitempty"`
	// IDPData has the link that opens itsme, and the URL that validates the code.
	IDPData IDPData `json:"idpData,omitzero"`
	// TransactionID is the transaction in the answer to a read, when Signicat sends it.
	// Unverified: whether it equals IDPData.TransactionID for itsme.
	TransactionID string `json:"transactionId,omitempty"`
	// Error describes the failure. Nil unless Status is ERROR.
	Error *SessionError `json:"error,omitempty"`
	// Environment is the user's device as Signicat saw it. Often empty in the headless flow.
	Environment Environment `json:"environment,omitzero"`
	// Flow is the flow of the session: headless.
	Flow string `json:"flow,omitempty"`
	// AllowedProviders are the eIDs that may be used.
	AllowedProviders []string `json:"allowedProviders,omitempty"`
	// RequestedAttributes are the requested attributes and idpId, in Signicat's order.
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
	// SessionLifetimeSeconds is the lifetime of the session at Signicat. Whole seconds.
	SessionLifetimeSeconds int `json:"sessionLifetime,omitempty"`
	// ExpiresAt is the end of the session. Zero when Signicat does not send it.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// MessageTransport tells how Signicat protects the session's messages.
	MessageTransport MessageTransport `json:"messageTransportProperties,omitzero"`
}

// IDPData has the URLs of a headless itsme session. They are not checked here: see
// [Client.CheckTokenRequestURL].
type IDPData struct {
	// AuthorizationRequestURL is the deep link that opens the itsme app. It carries the state.
	AuthorizationRequestURL string `json:"authorizationRequestUrl,omitempty"`
	// TokenRequestURL is the URL that validates the code.
	TokenRequestURL string `json:"tokenRequestUrl,omitempty"`
	// TransactionID names the transaction with itsme. It is not the session's ID.
	TransactionID string `json:"transactionId,omitempty"`
}

// SessionError describes why a session ended in ERROR. Title and Detail are free text of Signicat: do
// not log them.
type SessionError struct {
	Type   string `json:"type,omitempty"`   // a page about the code
	Title  string `json:"title,omitempty"`  // what went wrong
	Detail string `json:"detail,omitempty"` // more of it
	Code   string `json:"code,omitempty"`   // such as invalid_account_id
}

// LogCode returns Code for a log, bounded like that of an [Error].
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

// LogValue returns the session's ID, status and error code only. A session that is logged by mistake
// shows neither the user nor the state of the login.
func (s Session) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("id", s.ID), slog.String("status", word(string(s.Status)))}
	if s.Error != nil {
		attrs = append(attrs, slog.String("error_code", s.Error.LogCode()))
	}
	return slog.GroupValue(attrs...)
}

// decodeSession reads a session and checks its ID, account and status.
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

// notSession returns an error that names the wrong member and not its value: encoding/json quotes
// numbers, and time quotes what it cannot parse.
func notSession(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && word(wrong.Field) != "" {
		return fmt.Errorf("%w: wrong type of member %s", ErrInvalidResponse, wrong.Field)
	}
	return fmt.Errorf("%w: not the JSON of a session", ErrInvalidResponse)
}
