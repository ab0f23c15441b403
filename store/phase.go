package store

import (
	"fmt"
	"slices"
)

// Kind names the redirect URL of a login, and so the endpoint that may finish it. A record of one kind is
// never finished as the other. In JSON it is "app" or "browser".
type Kind uint8

// The kinds of a login. There is no kind zero.
const (
	// App is a login that a mobile app started and finishes with its verifier.
	App Kind = iota + 1
	// Browser is a login that a page started and its login cookie finishes.
	Browser
)

// kindTexts are the words of a kind in JSON.
var kindTexts = []string{"", App: "app", Browser: "browser"}

// String returns the word for a kind: app or browser.
func (k Kind) String() string {
	if k == 0 || int(k) >= len(kindTexts) {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return kindTexts[k]
}

// MarshalText implements encoding.TextMarshaler. It returns [ErrInvalid] for an unknown kind.
func (k Kind) MarshalText() ([]byte, error) { return marshalText(kindTexts, k) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *Kind) UnmarshalText(text []byte) error { return unmarshalText(kindTexts, k, text) }

// Phase is the state of a login. The zero value is [Pending].
type Phase uint8

// The phases of a login, in order.
const (
	// Pending: started, and no code was presented.
	Pending Phase = iota
	// Validating: one finisher holds the lease and validates the code at Signicat.
	Validating
	// Validated: Signicat accepted the code; the session is being read.
	Validated
	// Issued: the login ended with a token.
	Issued
	// Denied: the user refused.
	Denied
	// Aborted: Signicat reported ABORT.
	Aborted
	// Cancelled: the client or the gateway cancelled it.
	Cancelled
	// Expired: its time ended first.
	Expired
	// Failed: any other end.
	Failed
)

// phaseTexts are the words of a phase in JSON.
var phaseTexts = []string{
	Pending:    "pending",
	Validating: "validating",
	Validated:  "validated",
	Issued:     "issued",
	Denied:     "denied",
	Aborted:    "aborted",
	Cancelled:  "cancelled",
	Expired:    "expired",
	Failed:     "failed",
}

// String returns the word of the HTTP API for a phase: pending, issued, denied, aborted, cancelled,
// expired or failed. The phases before the end have one word.
func (p Phase) String() string {
	switch {
	case int(p) >= len(phaseTexts):
		return fmt.Sprintf("phase %d", uint8(p))
	case !p.Ended():
		return phaseTexts[Pending]
	}
	return phaseTexts[p]
}

// Ended reports whether the login has ended, with or without a token.
func (p Phase) Ended() bool { return p >= Issued }

// MarshalText implements encoding.TextMarshaler. It returns [ErrInvalid] for an unknown phase.
func (p Phase) MarshalText() ([]byte, error) { return marshalText(phaseTexts, p) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Phase) UnmarshalText(text []byte) error { return unmarshalText(phaseTexts, p, text) }

func marshalText[T ~uint8](texts []string, value T) ([]byte, error) {
	if int(value) >= len(texts) {
		return nil, fmt.Errorf("%w: %T %d", ErrInvalid, value, uint8(value))
	}
	return []byte(texts[value]), nil
}

func unmarshalText[T ~uint8](texts []string, value *T, text []byte) error {
	at := slices.Index(texts, string(text))
	if at < 0 {
		return errCorrupt
	}
	*value = T(at)
	return nil
}
