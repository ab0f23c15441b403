package gateway

import (
	"slices"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// Observer receives callbacks for metrics and events. Nil fields are ignored.
//
// The functions are called during a request, by any number of goroutines at once: they return at once and
// do no I/O. They never receive a secret, a state, a code, a token or an attribute. Every word that is not
// an identifier is one of a fixed few: no client, itsme or Signicat can add one.
type Observer struct {
	// Request receives what a site did with a request.
	Request func(Decision)
	// Verification receives every check of a bearer token or session cookie.
	Verification func(Verification)
	// Refusal receives every request that was answered with an error: by a site, an endpoint or a
	// page. The code is the member of that name in a problem, such as rate_limited.
	Refusal func(code string)
	// Login receives the steps of logins.
	Login func(LoginStep)
	// Return receives every request to a redirect URL whose client did not hang up.
	Return func(Return)
	// Call receives every call to Signicat.
	Call func(signicat.Call)
	// Retry receives the operation of every call to Signicat that is made again.
	Retry func(operation string)
	// Revocation receives what is refused from now on.
	Revocation func(store.Revocation)
}

func (o Observer) withDefaults() Observer {
	orNothing(&o.Request)
	orNothing(&o.Verification)
	orNothing(&o.Refusal)
	orNothing(&o.Login)
	orNothing(&o.Return)
	orNothing(&o.Call)
	orNothing(&o.Retry)
	orNothing(&o.Revocation)
	return o
}

func orNothing[T any](f *func(T)) {
	if *f == nil {
		*f = func(T) {}
	}
}

// Decision is what a site did with a request.
type Decision uint8

const (
	// Allowed is a request that went on with a login.
	Allowed Decision = iota
	// Anonymous is one that went on without a login, since the site makes it optional.
	Anonymous
	// Public is one that went on to a path that needs no login.
	Public
	// Preflight is a CORS preflight that went on.
	Preflight
	// Unmatched is one that went on because the site's matcher does not match it.
	Unmatched
	// Redirected is one that was sent to the login page.
	Redirected
	// Refused is one that was answered with an error.
	Refused
	// GatewayEndpoint is one to an endpoint of the gateway.
	GatewayEndpoint
)

// decisions are the words for them, in their order.
var decisions = [...]string{"allowed", "anonymous", "public", "preflight", "unprotected", "redirected", "refused", "own"}

// String is the decision in a word.
func (d Decision) String() string { return decisions[d] }

// Decisions are all there are, in the order of their numbers.
func Decisions() []Decision { return numbered[Decision](len(decisions)) }

// Verification is a check of a credential.
type Verification struct {
	// Kind is App for a bearer token, and Browser for a session cookie.
	Kind store.Kind
	// Result says whether the credential is valid.
	Result VerificationResult
	// Kept says that the signature was verified before, and not again.
	Kept bool
}

// VerificationResult says whether a credential is valid.
type VerificationResult uint8

const (
	// Good is a valid one.
	Good = VerificationResult(identity.Valid)
	// Bad is one that is not the gateway's, has expired, or was made up.
	Bad = VerificationResult(identity.Invalid)
	// Revoked is a valid one that was refused before its time.
	Revoked = VerificationResult(identity.Revoked)
	// Unknown is one that could not be checked: there are no keys, or the store is unavailable.
	Unknown = VerificationResult(identity.Unknown)
)

// results are the words for them, in their order.
var results = [...]string{"good", "bad", "revoked", "untold"}

// String is the result in a word.
func (r VerificationResult) String() string { return results[r] }

// VerificationResults are all there are, in the order of their numbers.
func VerificationResults() []VerificationResult { return numbered[VerificationResult](len(results)) }

func numbered[T ~uint8](n int) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = T(i)
	}
	return all
}

// LoginStage is how far a login has come.
type LoginStage uint8

const (
	// LoginStarted: the user can open itsme.
	LoginStarted LoginStage = iota
	// LoginUnstarted: a start failed, or was refused for a limit. Reason is the code of the error.
	LoginUnstarted
	// LoginReturned: a code came back, with the verifier or cookie of the login.
	LoginReturned
	// LoginValidated: Signicat accepted the code.
	LoginValidated
	// LoginEnded: the login is over, with a token or without one.
	LoginEnded
)

// LoginStep is one step of one login. Each step is reported once, by one replica. A login that no
// client asks about again, and that Signicat lets expire, has no end.
type LoginStep struct {
	// Stage is the step.
	Stage LoginStage
	// Kind is app or browser.
	Kind string
	// SessionID is the public name of the login. Empty when it did not start.
	SessionID string
	// Outcome is the status of a login that ended, such as issued or denied. Empty before.
	Outcome string
	// Reason says in a word why it ended or did not start.
	Reason string
	// Duration is from the start of a login to its end. Zero before.
	Duration time.Duration
	// Subject is the pseudonym of the user, once a token is issued.
	Subject string
}

// RefusalCodes returns every code that [Observer].Refusal can receive.
func RefusalCodes() []string {
	var codes []string
	for _, f := range append(slices.Clone(failures), unexpected) {
		if !slices.Contains(codes, f.problem) {
			codes = append(codes, f.problem)
		}
	}
	return codes
}

// UnavailableCodes are those of [RefusalCodes] that name what the gateway cannot do without: Signicat,
// the store, and keys.
func UnavailableCodes() []string { return []string{problemSignicat, problemStore, problemStarting} }

// KindNames are the words for the two kinds of logins and credentials.
func KindNames() []string { return []string{store.App.String(), store.Browser.String()} }

// logins returns the callbacks of the login engine.
func (o Observer) logins() login.Observer {
	step := func(stage LoginStage) func(*store.Record) {
		return func(r *store.Record) { o.Login(loginStep(stage, r)) }
	}
	return login.Observer{
		Started: step(LoginStarted),
		Unstarted: func(kind store.Kind, err error) {
			o.Login(LoginStep{Stage: LoginUnstarted, Kind: kind.String(), Reason: failureOf(err).problem})
		},
		Returned:   step(LoginReturned),
		Validated:  step(LoginValidated),
		Ended:      step(LoginEnded),
		Retry:      o.Retry,
		Revocation: o.Revocation,
	}
}

// loginStep describes a step that is in the store.
func loginStep(stage LoginStage, r *store.Record) LoginStep {
	step := LoginStep{Stage: stage, Kind: r.Kind.String(), SessionID: r.ID}
	if stage == LoginEnded {
		step.Outcome, step.Reason, step.Subject = r.Phase.String(), r.Reason, r.Subject
		step.Duration = r.Duration()
	}
	return step
}
