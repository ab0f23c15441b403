package signicattest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
)

// createSession starts a login. It answers 200, not 201.
func (s *Server) createSession(r *request) answer {
	if refused := s.authorize(r); refused != nil {
		return *refused
	}
	if !hasMediaType(r, "application/json") {
		return s.refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "the content type is not application/json")
	}
	req, wrong := s.cfg.parseSessionRequest(r.body)
	if len(wrong) > 0 {
		return s.refuse(http.StatusBadRequest, "invalid_request_parameter", "the session request is wrong", wrong...)
	}
	if req.flow != "headless" || req.encrypted || req.responseType == "none" {
		return s.refuse(http.StatusNotImplemented, "not_simulated",
			"the simulator has the headless flow with a code alone, without encryption")
	}
	x := s.newSession(r, req)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions.add(x, s.cfg.MaxSessions)
	o := s.nextCreate
	s.nextCreate = Override{}
	return s.answerSession(s.view(x), o)
}

func (s *Server) newSession(r *request, req *sessionRequest) *session {
	now := s.cfg.Now()
	x := &session{
		id: s.random.guid(), transactionID: s.random.guid(), request: req, status: StatusCreated,
		redirectURL: orDefault(req.redirectURL, s.cfg.RedirectURLs[0]),
		state:       s.random.token() + ":" + s.cfg.AccountID, nonce: s.random.token(),
		created: now, expires: s.random.expiry(now, req.sessionLifetime),
	}
	x.authorizationURL = authorizationRequestURL(s.base(r.Request), s.authorizationParameters(x))
	x.tokenURL = s.base(r.Request) + tokenRequestPath
	x.ipAddress, _, _ = net.SplitHostPort(r.RemoteAddr) // empty in memory, where there is none
	return x
}

func (s *Server) readSession(r *request) answer {
	if refused := s.authorize(r); refused != nil {
		return *refused
	}
	a, found := s.readFound(r.PathValue("id"))
	if !found {
		return s.refuse(http.StatusNotFound, "not_found", "no such session")
	}
	return a
}

func (s *Server) readFound(id string) (answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.present(s.sessions.byID[id])
	if x == nil {
		return answer{}, false
	}
	x.read(s.switches)
	v := s.view(x)
	if s.switches.TransactionIDInRead {
		v.TransactionID = x.transactionID
	}
	if x.status == StatusSuccess {
		return s.answerSession(v, x.success, x.shown), true
	}
	return s.answerSession(v, x.shown), true
}

// present settles a session by the clock. It is nil for none, and for one that is gone after its lifetime. The
// server's mutex must be held.
func (s *Server) present(x *session) *session {
	if x == nil {
		return nil
	}
	x.settle(s.cfg.Now())
	if x.status == StatusExpired && s.switches.ExpiredAs == ExpiredAsNotFound {
		return nil
	}
	return x
}

func (s *Server) cancelSession(r *request) answer {
	if refused := s.authorize(r); refused != nil {
		return *refused
	}
	if len(r.body) > 0 {
		return s.refuse(http.StatusBadRequest, "invalid_request_parameter", "a cancel has no body")
	}
	a, err := s.cancelFound(r.PathValue("id"))
	switch {
	case errors.Is(err, ErrSession):
		return s.refuse(s.Switches().CancelUnknownStatus, "session_error", err.Error())
	case err != nil:
		return s.refuse(http.StatusBadRequest, "session_error", err.Error())
	}
	return a
}

// cancelFound fails with [ErrSession] or [ErrEnded].
func (s *Server) cancelFound(id string) (answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.present(s.sessions.byID[id])
	switch {
	case x == nil:
		return answer{}, ErrSession
	case ended(x.status) && !s.switches.CancelEndedAccepted:
		return answer{}, fmt.Errorf("%w: %s", ErrEnded, x.status)
	case !ended(x.status):
		x.status = StatusCancelled
	}
	return s.answerSession(s.view(x), x.shown), nil
}
