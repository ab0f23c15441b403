package flow_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// interruptedStore is a store that calls a function in the middle of an operation, as another replica would
// act then.
type interruptedStore struct {
	*store.Memory
	meanwhile func()
}

func (s *interruptedStore) interrupt() {
	if s.meanwhile != nil {
		s.meanwhile()
	}
}

// Enroll implements [store.Store].
func (s *interruptedStore) Enroll(ctx context.Context, subject, login string, until time.Time) error {
	defer s.interrupt()
	return s.Memory.Enroll(ctx, subject, login, until)
}

// Update implements [store.Store].
func (s *interruptedStore) Update(ctx context.Context, r *store.Record) error {
	if r.Phase == store.Issued && r.Version > 3 { // another token of the same login
		defer s.interrupt()
	}
	return s.Memory.Update(ctx, r)
}

// TestRevocationWhileALoginFinishes revokes the user while a replica has signed a token and has not answered
// yet. The replica reads the store once more, and the client gets no token.
func TestRevocationWhileALoginFinishes(t *testing.T) {
	t.Parallel()
	t.Run("issue", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := &interruptedStore{Memory: store.NewMemory(time.Now)}
			t.Cleanup(func() { _ = s.Close() })
			e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) { c.Store = s }, highLimits)
			subject := e.subjectOf(t, e.login(t))
			a := e.approvedApp(t)
			s.meanwhile = func() { _, _ = e.Gateway.RevokeSubject(t.Context(), subject) }
			if got := a.redeem(); got.problem() != "invalid_grant" {
				t.Errorf("got %d %s", got.Code, got.Body)
			}
			if left, err := s.WithdrawAll(t.Context(), subject); len(left) != 0 || err != nil {
				t.Errorf("%d logins are left, %v", len(left), err)
			}
		})
	})
	t.Run("repeat", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := &interruptedStore{Memory: store.NewMemory(time.Now)}
			t.Cleanup(func() { _ = s.Close() })
			e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) { c.Store = s }, highLimits)
			subject := e.subjectOf(t, e.login(t))
			e.replaceKeys(t)
			s.meanwhile = func() { _, _ = e.Gateway.RevokeSubject(t.Context(), subject) }
			if got := e.finished.redeem(); got.problem() != "invalid_grant" {
				t.Errorf("got %d %s", got.Code, got.Body)
			}
		})
	})
}

// failingStore fails one update: the one that records that Signicat accepted the code.
type failingStore struct {
	*store.Memory
	failed bool
}

// Update implements [store.Store].
func (s *failingStore) Update(ctx context.Context, r *store.Record) error {
	if r.Phase == store.Validated && !s.failed {
		s.failed = true
		return store.ErrUnavailable
	}
	return s.Memory.Update(ctx, r)
}

// TestAcceptedCodeOutlivesAStoreFailure has the store fail just after Signicat accepted the code. Signicat
// accepts a code only once. The next request finishes the login and does not send the code again.
func TestAcceptedCodeOutlivesAStoreFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &failingStore{Memory: store.NewMemory(time.Now)}
		t.Cleanup(func() { _ = s.Close() })
		e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) { c.Store = s })
		a := e.approvedApp(t)
		wantReply(t, "while the store fails", a.redeem(), "503 temporarily_unavailable, Retry-After 5")
		wantReply(t, "afterwards", a.redeem(), "the token")
		a.wantSent(t, "altogether", 1)
	})
}
