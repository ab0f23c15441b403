package login

import (
	"crypto/sha256"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// anyEvent draws an event with any data, valid or not.
func anyEvent(t *rapid.T, now time.Time) event {
	e := event{
		kind: rapid.OneOf(
			rapid.Map(rapid.IntRange(0, int(eventRelease)), func(n int) eventKind { return eventKind(n) }),
			rapid.SampledFrom([]eventKind{eventResult, eventIssue}), // the events that a wrong session must not pass
		).Draw(t, "kind"),
		code:     sha256.Sum256([]byte(rapid.SampledFrom([]string{"code", "another"}).Draw(t, "code"))),
		cancel:   rapid.SampledFrom([]string{"", "access_denied", "server_error"}).Draw(t, "cancel"),
		gone:     rapid.Bool().Draw(t, "gone"),
		lost:     rapid.Bool().Draw(t, "lost"),
		unsent:   rapid.Bool().Draw(t, "unsent"),
		accepted: rapid.Bool().Draw(t, "accepted"),
		reason:   reasonRevoked,
		readAt:   now.Add(-time.Duration(rapid.IntRange(0, 90).Draw(t, "read seconds ago")) * time.Second),
		issued:   issued{token: "token", id: "login", subject: "subject", at: now, authAt: now, expires: now.Add(time.Hour)},
		session: sessionOf(rapid.SampledFrom([]signicat.Status{
			signicat.StatusSuccess, signicat.StatusSuccess, signicat.StatusCreated, signicat.StatusAbort, signicat.StatusExpired,
		}).Draw(t, "status")),
	}
	if rapid.IntRange(0, 3).Draw(t, "other") == 0 {
		e.session = otherSession()
	}
	return e
}

// TestTransitionInvariants applies events to one login in any order, with faulty holders and late replicas. A
// login that ended never changes again. A token is issued only for an accepted code, with a SUCCESS of this
// session that was read in time. The fence, the first code and the time of its return never go back.
func TestTransitionInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		record, now := recordIn(rapid.SampledFrom([]store.Phase{store.Pending, store.Validating, store.Validated}).Draw(t, "phase")), accepted
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "seconds")) * time.Second)
			e := anyEvent(t, now)
			before := *record
			next, to, err := transition(record, e, now)
			if *record != before {
				t.Fatal("the record that was given has changed")
			}
			if err != nil && (next != record || to != effectNone) {
				t.Fatal("a refused event has an effect")
			}
			checkStep(t, &before, next, e, to)
			if to == effectIssue && next.Phase == store.Validated && (e.kind != eventResult || e.session.Status != signicat.StatusSuccess) {
				t.Fatal("a token is to be signed without a SUCCESS")
			}
			if next.Phase == store.Issued && next.ValidatedAt.IsZero() {
				t.Fatal("a token was issued without an accepted code")
			}
			record = next
		}
	})
}

// checkStep checks one change.
func checkStep(t *rapid.T, before, after *store.Record, e event, to effect) {
	if after.Fence < before.Fence {
		t.Fatalf("the fence fell from %d to %d", before.Fence, after.Fence)
	}
	if before.Phase.Ended() && (after.Phase != before.Phase || after.EndedAt != before.EndedAt || after.Reason != before.Reason) {
		t.Fatalf("a login that ended %s became %s", before.Phase, after.Phase)
	}
	if !before.FirstPresented.IsZero() && (after.FirstPresented != before.FirstPresented || after.CodeHash != before.CodeHash) {
		t.Fatal("another code took the place of the first")
	}
	if after.Phase < before.Phase {
		t.Fatalf("phase %d became %d", before.Phase, after.Phase)
	}
	if after.Phase == store.Validated && before.Phase != store.Validated &&
		(before.Phase != store.Validating || e.kind != eventAccept && !(e.kind == eventRelease && e.accepted)) {
		t.Fatal("a code counts as accepted that Signicat did not accept")
	}
	if after.Phase == store.Issued && before.Phase != store.Issued {
		timely := e.readAt.Before(before.ValidatedAt.Add(SuccessWindow))
		if before.Phase != store.Validated || e.session.Status != signicat.StatusSuccess || e.session.ID != before.SignicatID || !timely {
			t.Fatal("a token was issued for something else than a timely SUCCESS of this session")
		}
	}
	if to == effectValidate && after.Phase != store.Validating || to == effectReadResult && after.Phase != store.Validated {
		t.Fatalf("effect %d in phase %s", to, after.Phase)
	}
}
