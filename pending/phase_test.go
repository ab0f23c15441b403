package pending_test

import (
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

func TestPhase(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		phase pending.Phase
		word  string
		ended bool
	}{
		{pending.Pending, "pending", false},
		{pending.Validating, "pending", false},
		{pending.Validated, "pending", false},
		{pending.Issued, "issued", true},
		{pending.Denied, "denied", true},
		{pending.Aborted, "aborted", true},
		{pending.Cancelled, "cancelled", true},
		{pending.Expired, "expired", true},
		{pending.Failed, "failed", true},
		{pending.Failed + 1, "phase 9", true},
	} {
		if got := row.phase.String(); got != row.word {
			t.Errorf("String() = %q, want %q", got, row.word)
		}
		if got := row.phase.Ended(); got != row.ended {
			t.Errorf("%v: Ended() = %t, want %t", row.phase, got, row.ended)
		}
	}
}

func TestKind(t *testing.T) {
	t.Parallel()
	for kind, want := range map[pending.Kind]string{0: "kind 0", pending.App: "app", pending.Browser: "browser", 3: "kind 3"} {
		if got := kind.String(); got != want {
			t.Errorf("String() = %q, want %q", got, want)
		}
	}
}

func TestKeepUntil(t *testing.T) {
	t.Parallel()
	expiry := time.Date(2026, 3, 19, 8, 20, 0, 0, time.UTC)
	end := expiry.Add(-10 * time.Minute)
	for name, row := range map[string]struct {
		record pending.Record
		want   time.Time
	}{
		"pending":                  {pending.Record{ExpiresAt: expiry}, expiry.Add(pending.Retention)},
		"issued":                   {pending.Record{Phase: pending.Issued, ExpiresAt: expiry, EndedAt: end}, end.Add(pending.Retention)},
		"ended at no known time":   {pending.Record{Phase: pending.Failed, ExpiresAt: expiry}, expiry.Add(pending.Retention)},
		"an end without its phase": {pending.Record{Phase: pending.Validated, ExpiresAt: expiry, EndedAt: end}, expiry.Add(pending.Retention)},
	} {
		if got := row.record.KeepUntil(); !got.Equal(row.want) {
			t.Errorf("%s: KeepUntil() = %v, want %v", name, got, row.want)
		}
	}
}
