package login

import (
	"crypto/sha256"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// eventKind is what happens to a login.
type eventKind uint8

const (
	noEvent eventKind = iota
	// The client's events.
	eventPresent // a client that is bound to the login presents a code
	eventCancel  // its owner gives the login up
	eventLook    // its status is asked for
	eventSeen    // Signicat was asked how its session stands, for waiting clients
	eventReissue // the token of an issued login was replaced
	// The events of the holder of the lease.
	eventSend    // the code is about to be sent
	eventAccept  // Signicat accepted the code
	eventRefuse  // Signicat refused the code
	eventResult  // the session was read until it was terminal
	eventUnread  // the session could not be read
	eventReject  // no token can be issued for the result
	eventIssue   // a token was signed
	eventRelease // the holder stops before the end
)

// event is what happens to a login, with what it brings.
type event struct {
	kind    eventKind
	failed  *signicat.Error   // the last call to Signicat that failed: for the log
	code    [sha256.Size]byte // of eventPresent: of the code
	cancel  string            // of eventCancel: the error on the redirect URL, empty without one
	session *signicat.Session // of eventSeen, eventResult and eventIssue
	read    time.Time         // of eventIssue: when the session was read
	gone    bool              // of eventSeen and eventUnread: Signicat does not know the session
	lost    bool              // of eventRefuse: an earlier sending of the code had no answer
	reason  string            // of eventReject
	issued  issued            // of eventIssue and eventReissue
	// Of eventRelease. The store may not have taken that Signicat accepted the code.
	unsent, accepted bool
}

// issued is a token that was signed for a login.
type issued struct {
	token, id, subject  string
	at, expires, authAt time.Time
}

// effect is what is to be done after a transition.
type effect uint8

const (
	effectNone             effect = iota
	effectValidate                // send the code to Signicat
	effectRead                    // read the session until it is terminal
	effectIssue                   // sign a token, or hand out the one that was issued
	effectCancelAtSignicat        // cancel the session, which may still be open
)
