package signicattest

import (
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

// SessionInfo is what the simulator knows about a session.
type SessionInfo struct {
	ID                      string    `json:"id"`
	TransactionID           string    `json:"transaction_id"`
	Status                  string    `json:"status"`                    // as the API tells it
	AuthorizationRequestURL string    `json:"authorization_request_url"` // the link that opens itsme
	RedirectURL             string    `json:"redirect_url"`              // where itsme goes afterwards
	State                   string    `json:"state"`                     // what comes back on it
	Persona                 string    `json:"persona,omitempty"`         // who approved
	Answered                bool      `json:"answered"`                  // by the person, either way
	CodeUsed                bool      `json:"code_used"`                 // it was validated
	CreatedAt               time.Time `json:"created_at"`
	ExpiresAt               time.Time `json:"expires_at"`
}

// Sessions lists the sessions that are kept, the oldest first.
func (s *Server) Sessions() []SessionInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	infos := []SessionInfo{}
	for _, x := range s.sessions.all() {
		x.settle(s.cfg.Now())
		infos = append(infos, x.info())
	}
	return infos
}

// Session describes one session, named by its id or by its authorization request URL. It fails with [ErrSession].
func (s *Server) Session(name string) (SessionInfo, error) {
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

// find takes a session's id or its authorization request URL. The server's mutex must be held.
func (s *Server) find(name string) (*session, error) {
	x := s.sessions.byID[name]
	if q, err := authorizationQuery(name); x == nil && err == nil {
		x = s.sessions.byState[q.Get("state")]
	}
	if x == nil {
		return nil, ErrSession
	}
	x.settle(s.cfg.Now())
	return x, nil
}

// Fail ends a session in ERROR with that error object, or with one like the published sample when it is zero. The
// session is named as in [Server.Session]. It fails with [ErrSession] or [ErrEnded], as do the other four ends.
func (s *Server) Fail(name string, e SessionError) error {
	e = orDefault(e, *brokerError("The login failed."))
	return s.finish(name, func(x *session) { x.status, x.failed = StatusError, &e })
}

// Abort ends a session in ABORT.
func (s *Server) Abort(name string) error {
	return s.finish(name, func(x *session) { x.status = StatusAbort })
}

// Cancel ends a session in CANCELLED.
func (s *Server) Cancel(name string) error {
	return s.finish(name, func(x *session) { x.status = StatusCancelled })
}

// Invalidate ends a session in INVALID.
func (s *Server) Invalidate(name string) error {
	return s.finish(name, func(x *session) { x.status = StatusInvalid })
}

// Expire ends a session as if its lifetime had passed.
func (s *Server) Expire(name string) error {
	return s.finish(name, func(x *session) { x.status = StatusExpired })
}

func (s *Server) finish(name string, end func(*session)) error {
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
func (s *Server) OverrideNextCreate(o Override) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextCreate = o
}

// OverrideNextSuccess changes what SUCCESS shows for the next login that a person approves.
func (s *Server) OverrideNextSuccess(o Override) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextResult = o
}

// OverrideSession changes every answer of a session from now on. The session is named as in [Server.Session]. It fails
// with [ErrSession].
func (s *Server) OverrideSession(name string, o Override) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.find(name)
	if err != nil {
		return err
	}
	x.shown = o
	return nil
}
