package login

import (
	"crypto/sha256"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// eventKind names an event of a login.
type eventKind uint8

const (
	noEvent eventKind = iota
	// Events of clients.
	eventPresent // a client that is bound to the login presents a code
	eventCancel  // the client that started the login cancels it
	eventExpire  // a client asks for the login, which ends if it is late
	eventRead    // the session was read for waiting clients
	eventReissue // the token of an issued login was replaced
	// Events of the lease holder.
	eventSend     // the code is about to be sent
	eventAccept   // Signicat accepted the code
	eventRefuse   // Signicat refused the code
	eventResult   // the session was read until it was terminal
	eventNoResult // the session could not be read
	eventReject   // no token can be issued for the result
	eventIssue    // a token was signed
	eventRelease  // the holder stops before the login ended
)

// event is an event of a login, with its data.
type event struct {
	kind    eventKind
	failed  *signicat.Error   // the last failed call to Signicat, for the log
	code    [sha256.Size]byte // of eventPresent: the hash of the code
	key     string            // of eventPresent: the thumbprint of the client's key, empty without a proof
	cancel  string            // of eventCancel: the error on the redirect URL, empty without one
	session *signicat.Session // of eventRead, eventResult and eventIssue
	readAt  time.Time         // of eventIssue: when the session was read
	gone    bool              // of eventRead and eventNoResult: Signicat does not know the session
	lost    bool              // of eventRefuse: the code was sent before without an answer
	reason  string            // of eventReject
	issued  issued            // of eventIssue and eventReissue
	// Of eventRelease: the code was never sent; Signicat accepted it, which the store may not have taken.
	unsent, accepted bool
}

// issued describes a token that was signed for a login.
type issued struct {
	token, id, subject  string
	at, expires, authAt time.Time
}

// effect is the work that follows a transition.
type effect uint8

const (
	effectNone             effect = iota
	effectValidate                // send the code to Signicat
	effectReadResult              // read the session until it is terminal
	effectIssue                   // sign a token
	effectReplay                  // return the issued token again
	effectCancelAtSignicat        // cancel the session at Signicat, which may be open
)
