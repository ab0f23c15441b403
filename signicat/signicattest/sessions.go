package signicattest

import (
	"slices"
	"sync"
	"time"
)

// The statuses of a session. Source: SessionDataDtoStatus of the Authentication REST API, 2025-03.
const (
	statusCreated        = "CREATED"
	statusWaitingForUser = "WAITING_FOR_USER"
	statusSuccess        = "SUCCESS"
	statusAbort          = "ABORT"
	statusError          = "ERROR"
	statusCancelled      = "CANCELLED"
	statusExpired        = "EXPIRED"
	statusInvalid        = "INVALID"
)

// codeLifetime is the lifetime of a code. Source: https://belgianmobileid.github.io/doc/
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

// session is one login, at Signicat and at itsme. The mutex of [sessions] guards it.
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

	// The answer of the person. itsme does not know the session, so a person can answer after its end.
	answered bool
	persona  *Persona
	code     string
	codeEnds time.Time

	// The validation of the code.
	codeUsed  bool
	readsLeft int

	success Override // of the answers that show SUCCESS
	shown   Override // of every answer
}

func ended(status string) bool {
	return !slices.Contains([]string{statusCreated, statusWaitingForUser}, status)
}

// settle lets an open session expire.
func (x *session) settle(now time.Time) {
	if !ended(x.status) && !now.Before(x.expires) {
		x.status = statusExpired
	}
}

// open is called when the person opens the authorization request URL.
func (x *session) open(sw Switches) {
	if x.status == statusCreated && !sw.WaitingHidden {
		x.status = statusWaitingForUser
	}
}

// approve is called when the person approves.
func (x *session) approve(p *Persona, code string, now time.Time, sw Switches, o Override) {
	x.answered, x.persona, x.success = true, p, o
	x.code, x.codeEnds, x.codeUsed = code, now.Add(codeLifetime), false
	if sw.SuccessBeforeValidation && !ended(x.status) {
		x.finish(sw)
	}
}

// refuse is called when the person refuses.
func (x *session) refuse(sw Switches) {
	x.answered = true
	if sw.RefusalAborts && !ended(x.status) {
		x.status = statusAbort
	}
}

// validate is called when Signicat accepts the code.
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

// read counts one read of the session: [Switches].ReadsBeforeSuccess may delay SUCCESS.
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
	x.status = statusSuccess
	if sw.LowLoARefused && slices.Index(loas, x.persona.LoA) < slices.Index(loas, x.request.requestedLoa) {
		x.status, x.failed = statusError, brokerError("The level of assurance is lower than requested.")
	}
}

// sessions holds the logins, at Signicat and at itsme.
type sessions struct {
	*account

	mu          sync.Mutex
	index       sessionIndex
	nextCreate  Override
	nextSuccess Override
}

func (s *sessions) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index, s.nextCreate, s.nextSuccess = newSessionIndex(), Override{}, Override{}
}

// sessionIndex finds a session by each of its names. When it is full, the oldest session goes.
type sessionIndex struct {
	byID, byState, byTransaction map[string]*session
	order                        []*session // the oldest first
}

func newSessionIndex() sessionIndex {
	return sessionIndex{
		byID: map[string]*session{}, byState: map[string]*session{}, byTransaction: map[string]*session{},
	}
}

func (i *sessionIndex) add(x *session, most int) {
	if len(i.order) == most {
		oldest := i.order[0]
		delete(i.byID, oldest.id)
		delete(i.byState, oldest.state)
		delete(i.byTransaction, oldest.transactionID)
		i.order = i.order[1:]
	}
	i.order = append(i.order, x)
	i.byID[x.id], i.byState[x.state], i.byTransaction[x.transactionID] = x, x, x
}
