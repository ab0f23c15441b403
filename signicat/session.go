package signicat

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Session is a session as Signicat returns it when it is created, read or cancelled. A member that
// Signicat leaves out is zero.
// Source: Authentication REST API, SessionDataDto and SessionData, 2025-03; loa later.
type Session struct {
	// ID names the session. It is shaped like a GUID, but not always one of RFC 4122: do not parse it.
	ID string `json:"id"`
	// AccountID is the Signicat account that the session belongs to.
	AccountID string `json:"accountId"`
	// Status is the state of the session.
	Status Status `json:"status"`
	// Provider is the eID that the user used, such as [ProviderItsme]. Set on SUCCESS.
	Provider string `json:"provider"`
	// Subject is the user. Nil unless Status is SUCCESS.
	Subject *Subject `json:"subject"`
	// LoA is the level of assurance reached. Set on SUCCESS.
	LoA LoA `json:"loa"`
	// IDPData has the link that opens itsme, and the URL that validates the code.
	IDPData IDPData `json:"idpData"`
	// TransactionID is the transaction in the answer to a read, when Signicat sends it.
	// Unverified: whether it equals IDPData.TransactionID for itsme.
	TransactionID string `json:"transactionId"`
	// Error describes the failure. Nil unless Status is ERROR.
	Error *SessionError `json:"error"`
	// ExpiresAt is the end of the session. Zero when Signicat does not send it.
	ExpiresAt time.Time `json:"expiresAt"`
}

// IDPData has the URLs of a headless itsme session. They are not checked here: see
// [Client.CheckTokenRequestURL].
type IDPData struct {
	// AuthorizationRequestURL is the deep link that opens the itsme app. It carries the state.
	AuthorizationRequestURL string `json:"authorizationRequestUrl"`
	// TokenRequestURL is the URL that validates the code.
	TokenRequestURL string `json:"tokenRequestUrl"`
	// TransactionID names the transaction with itsme. It is not the session's ID.
	TransactionID string `json:"transactionId"`
}

// SessionError describes why a session ended in ERROR. It has none of Signicat's free text.
type SessionError struct {
	Code string `json:"code"` // such as invalid_account_id
}

// LogCode returns Code for a log, bounded like that of an [Error].
func (e SessionError) LogCode() string { return word(e.Code) }

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
