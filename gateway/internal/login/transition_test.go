package login

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// The times of the records of [recordIn].
var (
	created  = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	returned = created.Add(time.Minute)
	accepted = returned.Add(time.Second)
	leased   = returned.Add(Lease)
	// idle is a time without a lease at which no login is late.
	idle = leased.Add(time.Second)
)

// goodCode is the code of every record.
var goodCode = sha256.Sum256([]byte("code"))

// recordIn returns a login in a phase, with a lease that ran out.
func recordIn(phase store.Phase) *store.Record {
	r := &store.Record{
		ID: "id", Kind: store.App, SignicatID: "session", AccountID: "account", TransactionID: "transaction",
		LoA: "substantial", CreatedAt: created, ExpiresAt: created.Add(20 * time.Minute), Phase: phase,
	}
	if phase != store.Pending {
		r.CodeHash, r.FirstPresented, r.SentAt, r.LeaseUntil, r.Fence = goodCode, returned, returned, leased, 1
	}
	if phase == store.Validated || phase == store.Issued {
		r.ValidatedAt = accepted
	}
	if phase.Ended() {
		r.EndedAt, r.LeaseUntil, r.Reason = accepted, time.Time{}, "ended before"
	}
	if phase == store.Issued {
		r.Token, r.TokenID, r.Subject = "token", "login", "subject"
	}
	return r
}

// sessionOf returns the session of recordIn's login, ended at Signicat.
func sessionOf(status signicat.Status) *signicat.Session {
	s := &signicat.Session{ID: "session", AccountID: "account", Status: status, Provider: provider, LoA: signicat.LoASubstantial}
	s.Subject = &signicat.Subject{ID: "subject"}
	return s
}

// otherSession returns a SUCCESS of another session.
func otherSession() *signicat.Session {
	s := sessionOf(signicat.StatusSuccess)
	s.ID = "another"
	return s
}

// occasion is an event at a time.
type occasion struct {
	event
	at time.Time
}

// occasions are the events of the matrix, by the name of their row.
var occasions = map[string]occasion{
	"present":                {event{kind: eventPresent, code: goodCode}, idle},
	"present, another code":  {event{kind: eventPresent, code: sha256.Sum256([]byte("x"))}, idle},
	"present, during lease":  {event{kind: eventPresent, code: goodCode}, leased.Add(-1)},
	"present, code too old":  {event{kind: eventPresent, code: goodCode}, returned.Add(CodeLifetime + 1)},
	"present, session over":  {event{kind: eventPresent, code: goodCode}, created.Add(20 * time.Minute)},
	"cancel":                 {event{kind: eventCancel}, idle},
	"cancel, access_denied":  {event{kind: eventCancel, cancel: "access_denied"}, idle},
	"cancel, server_error":   {event{kind: eventCancel, cancel: "server_error"}, idle},
	"expire":                 {event{kind: eventExpire}, idle},
	"expire, during lease":   {event{kind: eventExpire}, leased.Add(-1)},
	"expire, code too old":   {event{kind: eventExpire}, returned.Add(CodeLifetime + 1)},
	"expire, session over":   {event{kind: eventExpire}, created.Add(20 * time.Minute)},
	"read CREATED":           {event{kind: eventRead, session: sessionOf(signicat.StatusCreated)}, idle},
	"read SUCCESS":           {event{kind: eventRead, session: sessionOf(signicat.StatusSuccess)}, idle},
	"read ABORT":             {event{kind: eventRead, session: sessionOf(signicat.StatusAbort)}, idle},
	"read ERROR":             {event{kind: eventRead, session: sessionOf(signicat.StatusError)}, idle},
	"read INVALID":           {event{kind: eventRead, session: sessionOf(signicat.StatusInvalid)}, idle},
	"read CANCELLED":         {event{kind: eventRead, session: sessionOf(signicat.StatusCancelled)}, idle},
	"read EXPIRED":           {event{kind: eventRead, session: sessionOf(signicat.StatusExpired)}, idle},
	"read, gone":             {event{kind: eventRead, gone: true}, idle},
	"read, nothing":          {event{kind: eventRead}, idle},
	"result, no session":     {event{kind: eventResult}, idle},
	"send":                   {event{kind: eventSend}, idle},
	"accept":                 {event{kind: eventAccept}, idle},
	"refuse":                 {event{kind: eventRefuse}, idle},
	"refuse, lost before":    {event{kind: eventRefuse, lost: true}, idle},
	"result SUCCESS":         {event{kind: eventResult, session: sessionOf(signicat.StatusSuccess)}, idle},
	"result SUCCESS, late":   {event{kind: eventResult, session: sessionOf(signicat.StatusSuccess)}, accepted.Add(SuccessWindow)},
	"result SUCCESS, other":  {event{kind: eventResult, session: otherSession()}, idle},
	"result CREATED":         {event{kind: eventResult, session: sessionOf(signicat.StatusCreated)}, idle},
	"result ABORT":           {event{kind: eventResult, session: sessionOf(signicat.StatusAbort)}, idle},
	"result ABORT, late":     {event{kind: eventResult, session: sessionOf(signicat.StatusAbort)}, accepted.Add(SuccessWindow)},
	"result EXPIRED":         {event{kind: eventResult, session: sessionOf(signicat.StatusExpired)}, idle},
	"no result":              {event{kind: eventNoResult}, idle},
	"no result, late":        {event{kind: eventNoResult}, accepted.Add(SuccessWindow)},
	"no result, gone":        {event{kind: eventNoResult, gone: true}, idle},
	"reject":                 {event{kind: eventReject, reason: reasonTooLarge}, idle},
	"issue":                  {event{kind: eventIssue, session: sessionOf(signicat.StatusSuccess), readAt: idle}, idle},
	"issue, SUCCESS late":    {event{kind: eventIssue, session: sessionOf(signicat.StatusSuccess), readAt: accepted.Add(SuccessWindow)}, idle},
	"issue without SUCCESS":  {event{kind: eventIssue, session: sessionOf(signicat.StatusAbort), readAt: idle}, idle},
	"issue, another session": {event{kind: eventIssue, session: otherSession(), readAt: idle}, idle},
	"issue, no session":      {event{kind: eventIssue, readAt: idle}, idle},
	"release":                {event{kind: eventRelease}, idle},
	"release, unsent":        {event{kind: eventRelease, unsent: true}, idle},
	"release, accepted":      {event{kind: eventRelease, accepted: true}, idle},
	"reissue":                {event{kind: eventReissue, issued: issued{token: "next", id: "login.2"}}, idle},
	"no event":               {event{}, idle},
}

// matrix holds the result of every event in every phase: the next phase, with the reason of an end, and the
// effect. A dash changes nothing, a plus changes the record within its phase, and x, grant, late and signicat
// are errors. The last column holds for every phase that ends a login without a token.
const matrix = `
                       | Pending                              | Validating                     | Validated                      | Issued   | ended
present                | Validating > validate                | + > validate                   | + > result                     | > replay | -
present, another code  | Validating > validate                | grant                          | grant                          | grant    | -
present, during lease  | Validating > validate                | -                              | -                              | > replay | -
present, code too old  | Validating > validate                | Expired code_expired > drop    | Failed no_success > drop       | > replay | -
present, session over  | Expired session_expired > drop       | Expired session_expired > drop | Failed no_success > drop       | > replay | -
cancel                 | Cancelled cancelled_by_client > drop | late                           | late                           | late     | -
cancel, access_denied  | Denied denied_by_person > drop       | late                           | late                           | late     | -
cancel, server_error   | Failed error_on_redirect > drop      | late                           | late                           | late     | -
expire                 | -                                    | -                              | -                              | -        | -
expire, during lease   | -                                    | -                              | -                              | -        | -
expire, code too old   | -                                    | Expired code_expired > drop    | Failed no_success > drop       | -        | -
expire, session over   | Expired session_expired > drop       | Expired session_expired > drop | Failed no_success > drop       | -        | -
read CREATED           | -                                    | x                              | x                              | x        | x
read SUCCESS           | -                                    | x                              | x                              | x        | x
read ABORT             | Aborted signicat_abort               | x                              | x                              | x        | x
read ERROR             | Failed signicat_error                | x                              | x                              | x        | x
read INVALID           | Failed signicat_invalid              | x                              | x                              | x        | x
read CANCELLED         | Cancelled cancelled_at_signicat      | x                              | x                              | x        | x
read EXPIRED           | Expired session_expired              | x                              | x                              | x        | x
read, nothing          | -                                    | x                              | x                              | x        | x
read, gone             | Expired session_expired              | x                              | x                              | x        | x
send                   | x                                    | > validate                     | x                              | x        | x
accept                 | x                                    | Validated > result             | x                              | x        | x
refuse                 | x                                    | Failed code_refused > drop     | x                              | x        | x
refuse, lost before    | x                                    | Failed answer_lost > drop      | x                              | x        | x
result SUCCESS         | x                                    | x                              | > issue                        | x        | x
result SUCCESS, late   | x                                    | x                              | Failed no_success > drop       | x        | x
result SUCCESS, other  | x                                    | x                              | Failed another_session         | x        | x
result CREATED         | x                                    | x                              | signicat                       | x        | x
result ABORT           | x                                    | x                              | Aborted signicat_abort         | x        | x
result ABORT, late     | x                                    | x                              | Aborted signicat_abort         | x        | x
result, no session     | x                                    | x                              | x                              | x        | x
result EXPIRED         | x                                    | x                              | Expired session_expired        | x        | x
no result              | x                                    | x                              | -                              | x        | x
no result, late        | x                                    | x                              | Failed no_success > drop       | x        | x
no result, gone        | x                                    | x                              | Expired session_expired > drop | x        | x
reject                 | x                                    | x                              | Failed token_too_large         | x        | x
issue                  | x                                    | x                              | Issued issued                  | x        | x
issue, SUCCESS late    | x                                    | x                              | x                              | x        | x
issue without SUCCESS  | x                                    | x                              | x                              | x        | x
issue, another session | x                                    | x                              | x                              | x        | x
issue, no session      | x                                    | x                              | x                              | x        | x
release                | x                                    | +                              | +                              | x        | x
release, unsent        | x                                    | +                              | +                              | x        | x
release, accepted      | x                                    | Validated                      | +                              | x        | x
reissue                | x                                    | x                              | x                              | +        | x
no event               | x                                    | x                              | x                              | x        | x
`

var phaseNames = map[store.Phase]string{
	store.Pending: "Pending", store.Validating: "Validating", store.Validated: "Validated", store.Issued: "Issued",
	store.Denied: "Denied", store.Aborted: "Aborted", store.Cancelled: "Cancelled", store.Expired: "Expired", store.Failed: "Failed",
}

// outcome describes a transition in the form of the matrix.
func outcome(before, after *store.Record, to effect, err error) string {
	var words []string
	switch {
	case errors.Is(err, store.ErrConflict):
		return "x"
	case errors.Is(err, ErrGrant):
		return "grant"
	case errors.Is(err, ErrConflict):
		return "late"
	case errors.Is(err, ErrSignicat):
		return "signicat"
	case err != nil:
		return err.Error()
	case after.Phase != before.Phase:
		words = append(words, phaseNames[after.Phase])
		if after.Phase.Ended() {
			words = append(words, after.Reason)
		}
	case after != before:
		words = append(words, "+")
	}
	if to != effectNone {
		words = append(words, ">", []string{"", "validate", "result", "issue", "replay", "drop"}[to])
	}
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, " ")
}

// TestEveryPhaseWithEveryEvent checks the whole matrix. Each kind of event has a row, and each phase a
// column.
func TestEveryPhaseWithEveryEvent(t *testing.T) {
	t.Parallel()
	columns := [][]store.Phase{
		{store.Pending},
		{store.Validating},
		{store.Validated},
		{store.Issued},
		{store.Denied, store.Aborted, store.Cancelled, store.Expired, store.Failed},
	}
	if n := len(slices.Concat(columns...)); n != len(phaseNames) {
		t.Fatalf("the matrix has %d of %d phases", n, len(phaseNames))
	}
	seen := make(map[string]bool)
	kinds := make(map[eventKind]bool)
	for _, line := range strings.Split(strings.TrimSpace(matrix), "\n")[1:] {
		cells := strings.Split(line, "|")
		name := strings.TrimSpace(cells[0])
		o, ok := occasions[name]
		if !ok || seen[name] || len(cells) != len(columns)+1 {
			t.Fatalf("row %q: not an occasion, twice, or not %d phases", name, len(columns))
		}
		seen[name], kinds[o.kind] = true, true
		for i, phases := range columns {
			for _, phase := range phases {
				want := strings.TrimSpace(cells[i+1])
				if got := step(t, phase, o); got != want {
					t.Errorf("%s in %s: %s, want %s", name, phaseNames[phase], got, want)
				}
			}
		}
	}
	if len(seen) != len(occasions) {
		t.Errorf("the matrix has %d of %d occasions", len(seen), len(occasions))
	}
	for kind := noEvent; kind <= eventRelease; kind++ {
		if !kinds[kind] {
			t.Errorf("no row has event %d", kind)
		}
	}
}

// step makes one transition, and checks the rules for all of them.
func step(t *testing.T, phase store.Phase, o occasion) string {
	t.Helper()
	record := recordIn(phase)
	next, to, err := transition(record, o.event, o.at)
	what := fmt.Sprintf("event %d in %s", o.kind, phaseNames[phase])
	if diff := cmp.Diff(recordIn(phase), record); diff != "" {
		t.Errorf("%s changed the record that it was given:\n%s", what, diff)
	}
	if err != nil && (next != record || to != effectNone) {
		t.Errorf("%s was refused and has an effect", what)
	}
	if next != record && next.Phase.Ended() && (next.Reason == "" || next.EndedAt.IsZero() || !next.LeaseUntil.IsZero()) {
		t.Errorf("%s: the end has no reason or time, or a lease", what)
	}
	return outcome(record, next, to, err)
}

// TestTransitionKeepsWhatItNeeds checks the fields on which later decisions depend.
func TestTransitionKeepsWhatItNeeds(t *testing.T) {
	t.Parallel()
	failed := &signicat.Error{Operation: "validate_code", StatusCode: 503, Code: "c", TraceID: "t"}
	ended := sessionOf(signicat.StatusError)
	ended.Error = &signicat.SessionError{Code: "some_code"}
	signed := issued{token: "raw", id: "login.1", subject: "subject", at: idle, expires: idle.Add(time.Hour), authAt: idle}
	unsent := recordIn(store.Validating)
	unsent.SentAt = time.Time{}
	for name, row := range map[string]struct {
		from *store.Record
		event
		want func(*store.Record)
	}{
		"the lease and the code of a first return": {recordIn(store.Pending), event{kind: eventPresent, code: goodCode}, func(r *store.Record) {
			r.Phase, r.CodeHash, r.FirstPresented, r.LeaseUntil, r.Fence = store.Validating, goodCode, idle, idle.Add(Lease), 1
		}},
		"the next lease": {recordIn(store.Validated), event{kind: eventPresent, code: goodCode}, func(r *store.Record) {
			r.LeaseUntil, r.Fence = idle.Add(Lease), 2
		}},
		"that the code is sent": {unsent, event{kind: eventSend}, func(r *store.Record) { r.SentAt = idle }},
		"that it was not":       {recordIn(store.Validating), event{kind: eventRelease, unsent: true}, func(r *store.Record) { r.SentAt, r.LeaseUntil = time.Time{}, time.Time{} }},
		"the failed call of a holder that stops": {recordIn(store.Validating), event{kind: eventRelease, failed: failed}, func(r *store.Record) {
			r.LeaseUntil = time.Time{}
			r.FailedCall, r.FailedStatus, r.FailedCode, r.FailedTraceID = "validate_code", 503, "c", "t"
		}},
		"when the code was accepted": {recordIn(store.Validating), event{kind: eventAccept}, func(r *store.Record) { r.Phase, r.ValidatedAt = store.Validated, idle }},
		"an acceptance that the store did not take": {recordIn(store.Validating), event{kind: eventRelease, accepted: true}, func(r *store.Record) {
			r.Phase, r.ValidatedAt, r.LeaseUntil = store.Validated, idle, time.Time{}
		}},
		"the error of the session": {recordIn(store.Validated), event{kind: eventResult, session: ended}, func(r *store.Record) {
			r.Phase, r.Reason, r.EndedAt, r.LeaseUntil = store.Failed, reasonError, idle, time.Time{}
			r.FailedCall, r.FailedStatus, r.FailedCode = "read_session", 200, ended.Error.LogCode()
		}},
		"the token": {recordIn(store.Validated), event{kind: eventIssue, session: sessionOf(signicat.StatusSuccess), readAt: idle, issued: signed}, func(r *store.Record) {
			r.Phase, r.Reason, r.EndedAt, r.LeaseUntil = store.Issued, reasonIssued, idle, time.Time{}
			r.Token, r.TokenID, r.TokenExpiresAt, r.Subject, r.AuthTime, r.IssuedAt = "raw", "login.1", idle.Add(time.Hour), "subject", idle, idle
		}},
		"the next token": {recordIn(store.Issued), event{kind: eventReissue, issued: signed}, func(r *store.Record) {
			r.Token, r.TokenID, r.TokenExpiresAt = "raw", "login.1", idle.Add(time.Hour)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := *row.from
			row.want(&want)
			got, _, err := transition(row.from, row.event, idle)
			if diff := cmp.Diff(&want, got); diff != "" || err != nil {
				t.Errorf("%v, the record differs (-want +got):\n%s", err, diff)
			}
		})
	}
}
