package signicattest

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
)

// createSession starts a login. It answers 200, not 201.
func (a *api) createSession(r *request) answer {
	wanted, wrong := a.cfg.parseSessionRequest(r.body)
	if len(wrong) > 0 {
		return a.refuse(http.StatusBadRequest, "invalid_request_parameter", "the session request is wrong", wrong...)
	}
	if wanted.flow != "headless" || wanted.encrypted || wanted.responseType == "none" {
		return a.refuse(http.StatusNotImplemented, "not_simulated",
			"the simulator has the headless flow with a code alone, without encryption")
	}
	return a.sessions.create(r.Request, wanted)
}

func (a *api) readSession(r *request) answer {
	shown, found := a.sessions.read(r.PathValue("id"))
	if !found {
		return a.refuse(http.StatusNotFound, "not_found", "no such session")
	}
	return shown
}

func (a *api) cancelSession(r *request) answer {
	if len(r.body) > 0 {
		return a.refuse(http.StatusBadRequest, "invalid_request_parameter", "a cancel has no body")
	}
	shown, err := a.sessions.cancelByAPI(r.PathValue("id"))
	switch {
	case errors.Is(err, ErrSession):
		return a.refuse(a.Switches().CancelUnknownStatus, "session_error", err.Error())
	case err != nil:
		return a.refuse(http.StatusBadRequest, "session_error", err.Error())
	}
	return shown
}

// create adds a session and returns its answer.
func (s *sessions) create(r *http.Request, wanted *sessionRequest) answer {
	x := s.newSession(r, wanted)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index.add(x, s.cfg.MaxSessions)
	o := s.nextCreate
	s.nextCreate = Override{}
	return answerSession(s.view(x), o)
}

func (s *sessions) newSession(r *http.Request, wanted *sessionRequest) *session {
	now := s.cfg.Now()
	x := &session{
		id: s.random.guid(), transactionID: s.random.guid(), request: wanted, status: statusCreated,
		redirectURL: cmp.Or(wanted.redirectURL, s.cfg.RedirectURLs[0]),
		state:       s.random.token() + ":" + s.cfg.AccountID, nonce: s.random.token(),
		created: now, expires: s.random.expiry(now, wanted.sessionLifetime),
	}
	x.authorizationURL = withQuery(s.base(r)+authorizationPath, s.authorizationParameters(x))
	x.tokenURL = s.base(r) + tokenRequestPath
	x.ipAddress, _, _ = net.SplitHostPort(r.RemoteAddr) // empty for a connection in memory
	return x
}

// read returns the answer for a session that exists.
func (s *sessions) read(id string) (shown answer, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.present(s.index.byID[id])
	if x == nil {
		return answer{}, false
	}
	sw := s.Switches()
	x.read(sw)
	v := s.view(x)
	if sw.TransactionIDInRead {
		v.TransactionID = x.transactionID
	}
	if x.status == statusSuccess {
		return answerSession(v, x.success, x.shown), true
	}
	return answerSession(v, x.shown), true
}

// cancelByAPI ends an open session in CANCELLED. It fails with [ErrSession] or [ErrEnded].
func (s *sessions) cancelByAPI(id string) (answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.present(s.index.byID[id])
	switch {
	case x == nil:
		return answer{}, ErrSession
	case ended(x.status) && !s.Switches().CancelEndedAccepted:
		return answer{}, fmt.Errorf("%w: %s", ErrEnded, x.status)
	case !ended(x.status):
		x.status = statusCancelled
	}
	return answerSession(s.view(x), x.shown), nil
}

// present lets an open session expire by the clock. It returns nil for nil, and for an expired session that the API no
// longer finds. The caller holds the mutex.
func (s *sessions) present(x *session) *session {
	if x == nil {
		return nil
	}
	x.settle(s.cfg.Now())
	if x.status == statusExpired && s.Switches().ExpiredAs == ExpiredAsNotFound {
		return nil
	}
	return x
}
