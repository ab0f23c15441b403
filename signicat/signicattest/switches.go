package signicattest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Forms of the state in a code validation, for [Switches].StateEncoding.
const (
	StateRaw     = "raw"
	StateEncoded = "encoded"
	StateEither  = "either"
)

// Forms of the body of an accepted code, for [Switches].ValidationBody.
const (
	ValidationBodyNone   = "none"
	ValidationBodyObject = "object"
)

// Forms of a session after its lifetime, for [Switches].ExpiredAs.
const (
	ExpiredAsStatus   = "status"
	ExpiredAsNotFound = "not_found"
)

// ErrSwitch is returned when a switch or its form does not exist.
var ErrSwitch = errors.New("no such switch or form")

// Switches choose a form where no public source describes what Signicat does. A client is right when it works with every
// form. The zero value is the default form of each.
type Switches struct {
	// ValidationStatus answers a validated code with 200 (default) or 204.
	// Unverified: the table of answers is missing from every public copy of the App2App guide.
	ValidationStatus int

	// ValidationBody is the body of a 200 for a validated code: [ValidationBodyNone] (default), or
	// [ValidationBodyObject], an empty JSON object. A 204 has no body. Unverified: the same missing table.
	ValidationBody string

	// UnknownTransactionStatus answers a validation for a transaction that does not exist: 400 (default) or 404.
	// Unverified: the same missing table.
	UnknownTransactionStatus int

	// StateEncoding is the form of state that a code validation must have: [StateRaw] (default) is the value that the
	// redirect URL carries, decoded; [StateEncoded] has its colon still as %3A, as in the published sample;
	// [StateEither] takes both. Unverified: the sample shows %3A inside JSON and no text explains it.
	StateEncoding string

	// UsedCodeAccepted answers the same code, state and transaction once more as the first time, instead of with 400.
	// Unverified: itsme's own codes are single use, the idempotence of Signicat's call is not documented.
	UsedCodeAccepted bool

	// RefusedCode is the member code of the problem that refuses a validation. Default invalid_grant, as
	// at itsme's own token endpoint. Unverified: Signicat's word is not published.
	RefusedCode string

	// SuccessBeforeValidation shows SUCCESS as soon as the person approved, instead of only after the validation. With it
	// a SUCCESS proves no code: a client must issue nothing before the code was accepted as well.
	// Unverified: the guide polls from the start and validates as well, in no stated order.
	SuccessBeforeValidation bool

	// ReadsBeforeSuccess is how many reads after the validation still show the status before it. Default 0.
	// Unverified: the guide asks to poll, without saying whether SUCCESS can lag.
	ReadsBeforeSuccess int

	// WaitingHidden keeps CREATED until the end, instead of WAITING_FOR_USER once the person opened itsme.
	// Unverified: the status exists in the API, whether itsme's headless flow shows it is not documented.
	WaitingHidden bool

	// ExpiredAs is the form of a session after its lifetime: [ExpiredAsStatus] (default), EXPIRED; [ExpiredAsNotFound], a 404.
	// Unverified: only the name of the status is known.
	ExpiredAs string

	// CancelEndedAccepted answers a cancel of an ended session with 200 and the unchanged session, instead of with 400.
	// Unverified: not documented.
	CancelEndedAccepted bool

	// CancelUnknownStatus answers a cancel of an unknown session: 400 (default) or 404.
	// Unverified: the API declares 404 on the read alone.
	CancelUnknownStatus int

	// LowLoARefused ends a login in ERROR when the person's LoA is below the requested one, instead of showing the
	// lower LoA and leaving the check to the client. Unverified for itsme; the hub's page promises "same or higher".
	LowLoARefused bool

	// AddressAsObject gives address as itsme's object instead of one string. Unverified: a reseller prints a string.
	AddressAsObject bool

	// NINAsString gives nin as a string instead of an object. Unverified: one integrator reads both.
	NINAsString bool

	// IDPIDAlways adds idpId to the subject and to requestedAttributes of a SUCCESS even when the request does not have it.
	// Unverified: the guide's answer has it, the guide's request does not.
	IDPIDAlways bool

	// TransactionIDInRead adds the member transactionId to a read. Unverified: the schema has it, the sample does not.
	TransactionIDInRead bool

	// ScopeOptional issues an access token for a request without scope, instead of refusing it.
	// Unverified: one integrator sends none.
	ScopeOptional bool

	// InvalidClientStatus refuses wrong client credentials with 400 (default) or 401. Unverified: the sample of the
	// body has no status; RFC 6749 section 5.2 allows both for credentials in the form.
	InvalidClientStatus int

	// PlainProblems answers problems as application/json instead of application/problem+json.
	// Unverified: no sample shows the header.
	PlainProblems bool

	// EmptyAuthErrors leaves the body of a 401 or 403 empty. Unverified which calls do; Signicat's own SDK guards for it.
	EmptyAuthErrors bool

	// RefusalAborts ends the session in ABORT when the person refuses, instead of leaving it as it is.
	// Unverified: Signicat has no part in the redirect, and whether itsme informs it is not documented.
	RefusalAborts bool

	// ReanswerAllowed lets the person answer an authorization request again, with a new code that replaces the last
	// one, instead of showing an error. Unverified: not documented by itsme.
	ReanswerAllowed bool
}

// Switch describes one field of [Switches].
type Switch struct {
	Name  string   `json:"name"`            // on the command line and in the management API
	Doc   string   `json:"doc"`             // a line for help and for the management API
	Forms []string `json:"forms,omitempty"` // the default first; none: any text or number

	get func(*Switches) string
	set func(*Switches, string) bool
}

// AllSwitches returns every switch, in the order of the fields.
func AllSwitches() []Switch {
	return []Switch{
		choice("validation-status", "status of a validated code", func(s *Switches) *int { return &s.ValidationStatus }, 200, 204),
		choice("validation-body", "body of a 200 for a validated code", func(s *Switches) *string { return &s.ValidationBody }, ValidationBodyNone, ValidationBodyObject),
		choice("unknown-transaction-status", "status of a validation for an unknown transaction", func(s *Switches) *int { return &s.UnknownTransactionStatus }, 400, 404),
		choice("state-encoding", "form of state that a validation must have", func(s *Switches) *string { return &s.StateEncoding }, StateRaw, StateEncoded, StateEither),
		choice("used-code-accepted", "answer the same validation again as the first time", func(s *Switches) *bool { return &s.UsedCodeAccepted }, false, true),
		textSwitch("refused-code", "problem code of a refused validation", func(s *Switches) *string { return &s.RefusedCode }, "invalid_grant"),
		choice("success-before-validation", "show SUCCESS as soon as the person approved", func(s *Switches) *bool { return &s.SuccessBeforeValidation }, false, true),
		countSwitch("reads-before-success", "reads after the validation that do not show SUCCESS yet (default 0)", func(s *Switches) *int { return &s.ReadsBeforeSuccess }),
		choice("waiting-hidden", "never show WAITING_FOR_USER", func(s *Switches) *bool { return &s.WaitingHidden }, false, true),
		choice("expired-as", "form of a session after its lifetime", func(s *Switches) *string { return &s.ExpiredAs }, ExpiredAsStatus, ExpiredAsNotFound),
		choice("cancel-ended-accepted", "answer a cancel of an ended session with 200", func(s *Switches) *bool { return &s.CancelEndedAccepted }, false, true),
		choice("cancel-unknown-status", "status of a cancel of an unknown session", func(s *Switches) *int { return &s.CancelUnknownStatus }, 400, 404),
		choice("low-loa-refused", "end a login below the requested LoA in ERROR", func(s *Switches) *bool { return &s.LowLoARefused }, false, true),
		choice("address-as-object", "give address as an object", func(s *Switches) *bool { return &s.AddressAsObject }, false, true),
		choice("nin-as-string", "give nin as a string", func(s *Switches) *bool { return &s.NINAsString }, false, true),
		choice("idpid-always", "add idpId to a SUCCESS when it was not requested", func(s *Switches) *bool { return &s.IDPIDAlways }, false, true),
		choice("transaction-id-in-read", "add transactionId to a read", func(s *Switches) *bool { return &s.TransactionIDInRead }, false, true),
		choice("scope-optional", "issue access tokens without a scope in the request", func(s *Switches) *bool { return &s.ScopeOptional }, false, true),
		choice("invalid-client-status", "status of wrong client credentials", func(s *Switches) *int { return &s.InvalidClientStatus }, 400, 401),
		choice("plain-problems", "answer problems as application/json", func(s *Switches) *bool { return &s.PlainProblems }, false, true),
		choice("empty-auth-errors", "leave the body of 401 and 403 empty", func(s *Switches) *bool { return &s.EmptyAuthErrors }, false, true),
		choice("refusal-aborts", "end the session in ABORT when the person refuses", func(s *Switches) *bool { return &s.RefusalAborts }, false, true),
		choice("reanswer-allowed", "let the person answer an authorization request again", func(s *Switches) *bool { return &s.ReanswerAllowed }, false, true),
	}
}

// Switches returns the switches in force, defaults written out.
func (a *account) Switches() Switches { return *a.switches.Load() }

// SetSwitches changes the switches for everything that comes after. It fails with [ErrSwitch].
func (a *account) SetSwitches(sw Switches) error {
	if err := sw.validate(); err != nil {
		return err
	}
	a.switches.Store(new(sw.explicit()))
	return nil
}

// Set changes the switch with that name to that form, both as in [AllSwitches]. It fails with [ErrSwitch].
func (s *Switches) Set(name, form string) error {
	for _, w := range AllSwitches() {
		if w.Name != name {
			continue
		}
		next := *s
		if !w.set(&next, form) {
			return fmt.Errorf("%w: %s takes %s", ErrSwitch, name, w.takes())
		}
		*s = next
		return nil
	}
	return fmt.Errorf("%w: %q", ErrSwitch, name)
}

// validate fails with [ErrSwitch] when a field has a form that does not exist.
func (s Switches) validate() error {
	for _, w := range AllSwitches() {
		if err := new(Switches).Set(w.Name, w.get(&s)); err != nil {
			return err
		}
	}
	return nil
}

// explicit writes the default form into every field that is zero.
func (s Switches) explicit() Switches {
	for _, w := range AllSwitches() {
		w.set(&s, w.get(&s))
	}
	return s
}

// Form returns the form of the switch in s.
func (w Switch) Form(s Switches) string { return w.get(&s) }

// takes returns the forms for an error.
func (w Switch) takes() string {
	if len(w.Forms) == 0 {
		return "a value"
	}
	return strings.Join(w.Forms, " or ")
}

// choice returns a switch with these forms, the default first.
func choice[T comparable](name, doc string, field func(*Switches) *T, forms ...T) Switch {
	var texts []string
	for _, f := range forms {
		texts = append(texts, fmt.Sprint(f))
	}
	return Switch{
		name, doc, texts,
		func(s *Switches) string { return fmt.Sprint(cmp.Or(*field(s), forms[0])) },
		func(s *Switches, form string) bool {
			i := slices.Index(texts, form)
			if i >= 0 {
				*field(s) = forms[i]
			}
			return i >= 0
		},
	}
}

func textSwitch(name, doc string, field func(*Switches) *string, fallback string) Switch {
	return Switch{
		name, doc + " (default " + fallback + ")", nil,
		func(s *Switches) string { return cmp.Or(*field(s), fallback) },
		func(s *Switches, form string) bool {
			*field(s) = form
			return form != ""
		},
	}
}

func countSwitch(name, doc string, field func(*Switches) *int) Switch {
	return Switch{
		name, doc, nil,
		func(s *Switches) string { return strconv.Itoa(*field(s)) },
		func(s *Switches, form string) bool {
			n, err := strconv.Atoi(form)
			*field(s) = n
			return err == nil && n >= 0
		},
	}
}
