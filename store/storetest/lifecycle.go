package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

func lifecycle() []scenario {
	return []scenario{
		{"a call whose context is done does nothing", contextDone},
		{"a closed store is unavailable", closed},
	}
}

// calls is one call of every method that can fail, on the record and by its name.
func calls(s store.Store, r *store.Record, until time.Time) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Create": func(ctx context.Context) error {
			_, err := s.Create(ctx, &store.Record{ID: "new", ExpiresAt: until}, roomy())
			return err
		},
		"Load":     func(ctx context.Context) error { _, err := s.Load(ctx, r.ID); return err },
		"Update":   func(ctx context.Context) error { changed := *r; return s.Update(ctx, &changed) },
		"Recall":   func(ctx context.Context) error { _, err := s.Recall(ctx, "key"); return err },
		"Remember": func(ctx context.Context) error { _, err := s.Remember(ctx, "key", "lost", time.Hour); return err },
		"Allow": func(ctx context.Context) error {
			_, err := s.Allow(ctx, store.Quota{Owner: "key", Limit: 1, Window: time.Hour})
			return err
		},
		"Revoke": func(ctx context.Context) error {
			return s.Revoke(ctx, store.Revocation{Scope: store.ScopeToken, ID: "token", Until: until})
		},
		"Revoked": func(ctx context.Context) error {
			_, err := s.Revoked(ctx, store.Credential{TokenID: "token"})
			return err
		},
		"Mark":        func(ctx context.Context) error { _, err := s.Mark(ctx); return err },
		"Enroll":      func(ctx context.Context) error { return s.Enroll(ctx, "person", "login", until) },
		"Withdraw":    func(ctx context.Context) error { return s.Withdraw(ctx, "person", "login") },
		"WithdrawAll": func(ctx context.Context) error { _, err := s.WithdrawAll(ctx, "person"); return err },
		"Len":         func(ctx context.Context) error { _, err := s.Len(ctx); return err },
	}
}

func contextDone(t *testing.T, h Harness) {
	r, _ := create(t, h, "a", "client", roomy())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range calls(h.Store, r, h.Now().Add(time.Hour)) {
		if err := call(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want %v", name, err, context.Canceled)
		}
	}
	wantLen(t, h, 1)
	if got := load(t, h, "a").Version; got != 1 {
		t.Errorf("version = %d, want 1", got)
	}
	if got := remember(t, h, "key", "mine", time.Hour); got != "mine" {
		t.Errorf("remembered %q, want %q", got, "mine")
	}
	if wait := allow(t, h, "key", 1, time.Hour); wait != 0 {
		t.Errorf("the first event waits %v", wait)
	}
	wantRevoked(t, h, "the token", store.Credential{TokenID: "token"}, false)
	wantWithdrawn(t, h, "person")
}

func closed(t *testing.T, h Harness) {
	r, _ := create(t, h, "a", "client", roomy())
	for range 2 {
		if err := h.Store.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	}
	for name, call := range calls(h.Store, r, h.Now().Add(time.Hour)) {
		if err := call(t.Context()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v, want %v", name, err, store.ErrUnavailable)
		}
	}
}
