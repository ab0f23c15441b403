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
// Many goroutines call the functions, each during a request. The functions return at once and do no I/O. They
// never receive a secret, state, code, token or attribute. Every word that is not an identifier comes from a
// fixed table: no client, itsme or Signicat can add one.
type Observer struct {
	// Request receives the decision of a site on a request.
	Request func(Decision)
	// Verification receives every check of a bearer token or session cookie.
	Verification func(Verification)
	// Refusal receives every request that a site, an endpoint or a page answered with an error. The code is
	// the member "code" of a problem, such as rate_limited.
	Refusal func(code string)
	// Login receives the steps of logins.
	Login func(LoginStep)
	// Return receives every request to a redirect URL whose client did not hang up.
	Return func(Return)
	// Call receives every call to Signicat.
	Call func(signicat.Call)
	// Retry receives the operation of every call to Signicat that is repeated.
	Retry func(operation string)
	// Revocation receives every revocation that the store took.
	Revocation func(store.Revocation)
}

func (o Observer) withDefaults() Observer {
	orNoop(&o.Request)
	orNoop(&o.Verification)
	orNoop(&o.Refusal)
	orNoop(&o.Login)
	orNoop(&o.Return)
	orNoop(&o.Call)
	orNoop(&o.Retry)
	orNoop(&o.Revocation)
	return o
}

func orNoop[T any](f *func(T)) {
	if *f == nil {
		*f = func(T) {}
	}
}

// Decision says what a site did with a request.
type Decision uint8

const (
	// Allowed is a request that passed with a login.
	Allowed Decision = iota
	// Anonymous is a request that passed without a login, because the site makes it optional.
	Anonymous
	// Public is one that went on to a path that needs no login.
	Public
	// Preflight is a CORS preflight that passed.
	Preflight
	// Unmatched is a request that passed because the site's matcher does not match it.
	Unmatched
	// Redirected is a request that was redirected to the login page.
	Redirected
	// Refused is a request that was answered with an error.
	Refused
	// GatewayEndpoint is a request to an endpoint of the gateway.
	GatewayEndpoint
)

// decisions holds the names of the decisions, in their order.
var decisions = [...]string{"allowed", "anonymous", "public", "preflight", "unmatched", "redirected", "refused", "gateway_endpoint"}

// String returns the name of the decision, as metrics show it.
func (d Decision) String() string { return decisions[d] }

// Decisions returns all decisions in their order.
func Decisions() []Decision { return numbered[Decision](len(decisions)) }

// Verification is a check of a credential.
type Verification struct {
	// Kind is App for a bearer token, and Browser for a session cookie.
	Kind store.Kind
	// Result says whether the credential is valid.
	Result VerificationResult
	// Cached says that the credential came from the cache: its signature was verified before.
	Cached bool
}

// VerificationResult says whether a credential is valid.
type VerificationResult uint8

const (
	// Valid is a valid credential.
	Valid = VerificationResult(identity.Valid)
	// Invalid is a credential that the gateway did not issue, or that has expired.
	Invalid = VerificationResult(identity.Invalid)
	// Revoked is a valid credential that was revoked.
	Revoked = VerificationResult(identity.Revoked)
	// Unknown is a credential that could not be checked: there are no keys, or the store is unavailable.
	Unknown = VerificationResult(identity.Unknown)
)

// results holds the names of the results, in their order.
var results = [...]string{"valid", "invalid", "revoked", "unknown"}

// String returns the name of the result, as metrics show it.
func (r VerificationResult) String() string { return results[r] }

// VerificationResults returns all results in their order.
func VerificationResults() []VerificationResult { return numbered[VerificationResult](len(results)) }

func numbered[T ~uint8](n int) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = T(i)
	}
	return all
}

// LoginStage names a step of a login.
type LoginStage uint8

const (
	// LoginStarted: the user can open itsme.
	LoginStarted LoginStage = iota
	// LoginUnstarted: a start failed or reached a limit. Reason is the code of the error.
	LoginUnstarted
	// LoginReturned: a code came back with the verifier or cookie of the login.
	LoginReturned
	// LoginValidated: Signicat accepted the code.
	LoginValidated
	// LoginEnded: the login ended, with or without a token.
	LoginEnded
)

// LoginStep describes one step of one login. One replica reports it once. A login that expires at Signicat
// while no client asks for its status is never reported as ended.
type LoginStep struct {
	// Stage is the step.
	Stage LoginStage
	// Kind is app or browser.
	Kind string
	// SessionID is the session_id of the login. Empty for a login that did not start.
	SessionID string
	// Outcome is the status of a login that ended, such as issued or denied. Empty before.
	Outcome string
	// Reason is the cause of an end or of a failed start, from a fixed table.
	Reason string
	// Duration is the time from the start of a login to its end. Zero before.
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

// UnavailableCodes returns the codes for an unavailable dependency: Signicat, the store, or the keys.
func UnavailableCodes() []string { return []string{problemSignicat, problemStore, problemStarting} }

// KindNames returns the names of the two kinds of logins and credentials.
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

// loginStep describes a step that the store holds.
func loginStep(stage LoginStage, r *store.Record) LoginStep {
	step := LoginStep{Stage: stage, Kind: r.Kind.String(), SessionID: r.ID}
	if stage == LoginEnded {
		step.Outcome, step.Reason, step.Subject = r.Phase.String(), r.Reason, r.Subject
		step.Duration = r.Duration()
	}
	return step
}
