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

// interrupted is a store that lets something happen in the middle of an operation, as another replica
// does.
type interrupted struct {
	*store.Memory
	meanwhile func()
}

func (s *interrupted) interrupt() {
	if s.meanwhile != nil {
		s.meanwhile()
	}
}

// Enroll implements [store.Store].
func (s *interrupted) Enroll(ctx context.Context, subject, login string, until time.Time) error {
	defer s.interrupt()
	return s.Memory.Enroll(ctx, subject, login, until)
}

// Update implements [store.Store].
func (s *interrupted) Update(ctx context.Context, r *store.Record) error {
	if r.Phase == store.Issued && r.Version > 3 { // a token in the place of the first
		defer s.interrupt()
	}
	return s.Memory.Update(ctx, r)
}

// TestRevocationWhileALoginFinishes revokes the user while a replica has signed a token and has not
// answered yet. The replica looks once more: the client gets no token.
func TestRevocationWhileALoginFinishes(t *testing.T) {
	t.Parallel()
	t.Run("issue", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := &interrupted{Memory: store.NewMemory(time.Now)}
			t.Cleanup(func() { _ = s.Close() })
			b := openBubble(t, func(c *gateway.Config, _ *signicattest.Config) { c.Store = s }, roomy)
			subject := b.subjectOf(t, b.login(t))
			p := b.begun(t)
			s.meanwhile = func() { _, _ = b.Gateway.RevokeSubject(t.Context(), subject) }
			if got := p.redeem(); got.problem() != "invalid_grant" {
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
			s := &interrupted{Memory: store.NewMemory(time.Now)}
			t.Cleanup(func() { _ = s.Close() })
			b := openBubble(t, func(c *gateway.Config, _ *signicattest.Config) { c.Store = s }, roomy)
			subject := b.subjectOf(t, b.login(t))
			b.dropKeys(t)
			s.meanwhile = func() { _, _ = b.Gateway.RevokeSubject(t.Context(), subject) }
			if got := b.ended.redeem(); got.problem() != "invalid_grant" {
				t.Errorf("got %d %s", got.Code, got.Body)
			}
		})
	})
}

// forgetful is a store that fails to take one change: that Signicat accepted the code.
type forgetful struct {
	*store.Memory
	failed bool
}

// Update implements [store.Store].
func (s *forgetful) Update(ctx context.Context, r *store.Record) error {
	if r.Phase == store.Validated && !s.failed {
		s.failed = true
		return store.ErrUnavailable
	}
	return s.Memory.Update(ctx, r)
}

// TestAcceptedCodeOutlivesAStoreFailure has the store fail just after Signicat accepted the code, which
// it accepts only once. The next call finishes the login, and does not send the code again.
func TestAcceptedCodeOutlivesAStoreFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &forgetful{Memory: store.NewMemory(time.Now)}
		t.Cleanup(func() { _ = s.Close() })
		b := openBubble(t, func(c *gateway.Config, _ *signicattest.Config) { c.Store = s })
		p := b.begun(t)
		wantReply(t, "while the store fails", p.redeem(), "503 temporarily_unavailable, Retry-After 5")
		wantReply(t, "afterwards", p.redeem(), "the token")
		p.wantSent(t, "altogether", 1)
	})
}
