package signicattest

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

var (
	// ErrSession is returned when no session has the name.
	ErrSession = errors.New("no such session")

	// ErrEnded is returned when a session has ended before.
	ErrEnded = errors.New("the session has ended")
)

// SessionInfo describes a session.
type SessionInfo struct {
	ID                      string    `json:"id"`
	TransactionID           string    `json:"transaction_id"`
	Status                  string    `json:"status"`                    // as in the API
	AuthorizationRequestURL string    `json:"authorization_request_url"` // the link that opens itsme
	RedirectURL             string    `json:"redirect_url"`              // of the callback
	State                   string    `json:"state"`                     // on the redirect URL
	Persona                 string    `json:"persona,omitempty"`         // the key of the one that approved
	Answered                bool      `json:"answered"`                  // the person approved or refused
	CodeUsed                bool      `json:"code_used"`                 // Signicat accepted the code
	CreatedAt               time.Time `json:"created_at"`
	ExpiresAt               time.Time `json:"expires_at"`
}

// Sessions returns the sessions that are kept, the oldest first.
func (s *sessions) Sessions() []SessionInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	infos := []SessionInfo{}
	for _, x := range s.index.order {
		x.settle(s.cfg.Now())
		infos = append(infos, x.info())
	}
	return infos
}

// Session returns the session with that id or authorization request URL. It fails with [ErrSession].
func (s *sessions) Session(name string) (SessionInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.find(name)
	if err != nil {
		return SessionInfo{}, err
	}
	return x.info(), nil
}

func (x *session) info() SessionInfo {
	i := SessionInfo{
		ID: x.id, TransactionID: x.transactionID, Status: x.status, AuthorizationRequestURL: x.authorizationURL,
		RedirectURL: x.redirectURL, State: x.state, Answered: x.answered, CodeUsed: x.codeUsed,
		CreatedAt: x.created, ExpiresAt: x.expires,
	}
	if x.persona != nil {
		i.Persona = x.persona.Key
	}
	return i
}

// find returns the session with that id or authorization request URL. The caller holds the mutex.
func (s *sessions) find(name string) (*session, error) {
	x := s.index.byID[name]
	if q, err := authorizationQuery(name); x == nil && err == nil {
		x = s.index.byState[q.Get("state")]
	}
	if x == nil {
		return nil, ErrSession
	}
	x.settle(s.cfg.Now())
	return x, nil
}

// Fail ends a session in ERROR with that error object; the zero value becomes one like the published sample. The session
// is named as in [Server.Session]. It fails with [ErrSession] or [ErrEnded], as do Abort, Cancel, Invalidate and Expire.
func (s *sessions) Fail(name string, e SessionError) error {
	e = cmp.Or(e, *brokerError("The login failed."))
	return s.finish(name, func(x *session) { x.status, x.failed = statusError, &e })
}

// Abort ends a session in ABORT.
func (s *sessions) Abort(name string) error {
	return s.finish(name, func(x *session) { x.status = statusAbort })
}

// Cancel ends a session in CANCELLED.
func (s *sessions) Cancel(name string) error {
	return s.finish(name, func(x *session) { x.status = statusCancelled })
}

// Invalidate ends a session in INVALID.
func (s *sessions) Invalidate(name string) error {
	return s.finish(name, func(x *session) { x.status = statusInvalid })
}

// Expire ends a session in EXPIRED, as after its lifetime.
func (s *sessions) Expire(name string) error {
	return s.finish(name, func(x *session) { x.status = statusExpired })
}

func (s *sessions) finish(name string, end func(*session)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.find(name)
	if err != nil {
		return err
	}
	if ended(x.status) {
		return fmt.Errorf("%w: %s", ErrEnded, x.status)
	}
	end(x)
	return nil
}

// OverrideNextCreate changes the answer of the next session that is created.
func (s *sessions) OverrideNextCreate(o Override) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextCreate = o
}

// OverrideNextSuccess changes the SUCCESS of the next login that a person approves.
func (s *sessions) OverrideNextSuccess(o Override) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextSuccess = o
}

// OverrideSession changes every answer of a session from now on. The session is named as in [Server.Session]. It fails
// with [ErrSession].
func (s *sessions) OverrideSession(name string, o Override) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.find(name)
	if err != nil {
		return err
	}
	x.shown = o
	return nil
}
