package signicattest

import (
	"slices"
	"time"
)

// What a session can be. Source: SessionDataDtoStatus of the Authentication REST API, 2025-03.
const (
	StatusCreated        = "CREATED"
	StatusWaitingForUser = "WAITING_FOR_USER"
	StatusSuccess        = "SUCCESS"
	StatusAbort          = "ABORT"
	StatusError          = "ERROR"
	StatusCancelled      = "CANCELLED"
	StatusExpired        = "EXPIRED"
	StatusInvalid        = "INVALID"
)

// codeLifetime is how long a code is good. Source: https://belgianmobileid.github.io/doc/
const codeLifetime = 3 * time.Minute

// SessionError is the member error of a session that failed.
type SessionError struct {
	Type   string `json:"type,omitempty"`   // a page about the code
	Title  string `json:"title,omitempty"`  // what went wrong
	Detail string `json:"detail,omitempty"` // more of it
	Code   string `json:"code,omitempty"`   // such as invalid_account_id
}

// brokerError has the shape of the published one. Unverified: itsme's own codes are not public.
func brokerError(detail string) *SessionError {
	return &SessionError{
		Type:  "https://developer.signicat.com/docs/eid-hub/error-codes.html#broker-error-codes",
		Title: "Session Error", Detail: detail, Code: "session_error",
	}
}

// session is one login, at Signicat and at itsme. The server's mutex guards it.
type session struct {
	id, transactionID string
	request           *sessionRequest
	redirectURL       string
	state, nonce      string
	authorizationURL  string
	tokenURL          string
	ipAddress         string
	created, expires  time.Time

	status string
	failed *SessionError

	// The person's side, which goes on whatever becomes of the session: itsme does not know about it.
	answered bool
	persona  *Persona
	code     string
	codeEnds time.Time

	// The validation's side.
	codeUsed  bool
	readsLeft int

	success Override // of the answers that show SUCCESS
	shown   Override // of every answer
}

func ended(status string) bool {
	return !slices.Contains([]string{StatusCreated, StatusWaitingForUser}, status)
}

// settle moves the session on as far as the clock alone does.
func (x *session) settle(now time.Time) {
	if !ended(x.status) && !now.Before(x.expires) {
		x.status = StatusExpired
	}
}

// open is the person opening the authorization request URL.
func (x *session) open(sw Switches) {
	if x.status == StatusCreated && !sw.WaitingHidden {
		x.status = StatusWaitingForUser
	}
}

// approve is the person saying yes.
func (x *session) approve(p *Persona, code string, now time.Time, sw Switches, o Override) {
	x.answered, x.persona, x.success = true, p, o
	x.code, x.codeEnds, x.codeUsed = code, now.Add(codeLifetime), false
	if sw.SuccessBeforeValidation && !ended(x.status) {
		x.finish(sw)
	}
}

// refuse is the person saying no.
func (x *session) refuse(sw Switches) {
	x.answered = true
	if sw.RefusalAborts && !ended(x.status) {
		x.status = StatusAbort
	}
}

// validate is Signicat accepting the code.
func (x *session) validate(sw Switches) {
	x.codeUsed = true
	if ended(x.status) {
		return
	}
	x.readsLeft = sw.ReadsBeforeSuccess
	if x.readsLeft == 0 {
		x.finish(sw)
	}
}

// read counts one look at the session, which is what SUCCESS may lag behind.
func (x *session) read(sw Switches) {
	if !x.codeUsed || ended(x.status) {
		return
	}
	if x.readsLeft == 0 {
		x.finish(sw)
	}
	x.readsLeft--
}

func (x *session) finish(sw Switches) {
	x.status = StatusSuccess
	if sw.LowLoARefused && slices.Index(loas, x.persona.LoA) < slices.Index(loas, x.request.requestedLoa) {
		x.status, x.failed = StatusError, brokerError("The level of assurance is lower than requested.")
	}
}

// sessions are kept up to a bound, the oldest forgotten first, and found by each of their names without a search.
type sessions struct {
	byID, byState, byTransaction map[string]*session
	order                        []*session // a ring once it is full
	next                         int
}

func newSessions() sessions {
	return sessions{
		byID: map[string]*session{}, byState: map[string]*session{}, byTransaction: map[string]*session{},
	}
}

func (s *sessions) add(x *session, most int) {
	if len(s.order) < most {
		s.order = append(s.order, x)
	} else {
		oldest := s.order[s.next]
		delete(s.byID, oldest.id)
		delete(s.byState, oldest.state)
		delete(s.byTransaction, oldest.transactionID)
		s.order[s.next] = x
		s.next = (s.next + 1) % most
	}
	s.byID[x.id], s.byState[x.state], s.byTransaction[x.transactionID] = x, x, x
}

// all lists the sessions, the oldest first.
func (s *sessions) all() []*session {
	return append(slices.Clone(s.order[s.next:]), s.order[:s.next]...)
}
