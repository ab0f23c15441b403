package store_test

import (
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

func TestPhase(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		phase store.Phase
		word  string
		ended bool
	}{
		{store.Pending, "pending", false},
		{store.Validating, "pending", false},
		{store.Validated, "pending", false},
		{store.Issued, "issued", true},
		{store.Denied, "denied", true},
		{store.Aborted, "aborted", true},
		{store.Cancelled, "cancelled", true},
		{store.Expired, "expired", true},
		{store.Failed, "failed", true},
		{store.Failed + 1, "phase 9", true},
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
	for kind, want := range map[store.Kind]string{0: "kind 0", store.App: "app", store.Browser: "browser", 3: "kind 3"} {
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
		record store.Record
		want   time.Time
	}{
		"pending":                  {store.Record{ExpiresAt: expiry}, expiry.Add(store.Retention)},
		"issued":                   {store.Record{Phase: store.Issued, ExpiresAt: expiry, EndedAt: end}, end.Add(store.Retention)},
		"issued to a browser":      {store.Record{Kind: store.Browser, Phase: store.Issued, ExpiresAt: expiry, EndedAt: end}, expiry},
		"a browser's late end":     {store.Record{Kind: store.Browser, Phase: store.Expired, ExpiresAt: expiry, EndedAt: expiry.Add(time.Minute)}, expiry.Add(time.Minute + store.Retention)},
		"pending in a browser":     {store.Record{Kind: store.Browser, ExpiresAt: expiry}, expiry.Add(store.Retention)},
		"ended at no known time":   {store.Record{Phase: store.Failed, ExpiresAt: expiry}, expiry.Add(store.Retention)},
		"an end without its phase": {store.Record{Phase: store.Validated, ExpiresAt: expiry, EndedAt: end}, expiry.Add(store.Retention)},
	} {
		if got := row.record.KeepUntil(); !got.Equal(row.want) {
			t.Errorf("%s: KeepUntil() = %v, want %v", name, got, row.want)
		}
	}
}
