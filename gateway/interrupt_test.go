package gateway_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// interrupted is a store that lets something happen in the middle of an operation, as another replica
// does.
type interrupted struct {
	*pending.Memory
	meanwhile func()
}

func (s *interrupted) interrupt() {
	if s.meanwhile != nil {
		s.meanwhile()
	}
}

// Enroll implements [pending.Store].
func (s *interrupted) Enroll(ctx context.Context, subject, login string, until time.Time) error {
	defer s.interrupt()
	return s.Memory.Enroll(ctx, subject, login, until)
}

// UpdateFamily implements [pending.Families].
func (s *interrupted) UpdateFamily(ctx context.Context, f *pending.Family) error {
	defer s.interrupt()
	return s.Memory.UpdateFamily(ctx, f)
}

// Update implements [pending.Store].
func (s *interrupted) Update(ctx context.Context, r *pending.Record) error {
	if r.Phase == pending.Issued && r.Version > 3 { // a token in the place of the first
		defer s.interrupt()
	}
	return s.Memory.Update(ctx, r)
}

// TestRevocationBetweenSigningAndAnswer revokes while a replica has signed a token and has not answered
// yet. The replica looks once more: the client gets no token.
func TestRevocationBetweenSigningAndAnswer(t *testing.T) {
	t.Parallel()
	store := func(f *fort) *interrupted { return &interrupted{Memory: f.store} }
	revoking := func(t *testing.T, f *fort, s *interrupted) {
		s.meanwhile = func() {
			s.meanwhile = nil
			_, err := f.RevokeSubject(t.Context(), fortSubject)
			check(t, err)
		}
	}
	t.Run("refresh", func(t *testing.T) {
		t.Parallel()
		f := openFort(t)
		s := store(f)
		f.rebuild(t, func(c *gateway.Config) { c.Store = s }, refreshing)
		f.family("login", pending.App)
		revoking(t, f, s)
		if got := f.refresh(gateway.RefreshToken("login", 1, [32]byte{})); got.Error != "invalid_grant" || got.Access != "" {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("renewal", func(t *testing.T) {
		t.Parallel()
		f := openFort(t)
		s := store(f)
		f.rebuild(t, func(c *gateway.Config) { c.Store = s }, refreshing)
		f.family("login", pending.Browser)
		claims := f.claims()
		claims.ID = "login.1"
		raw, _, err := f.authority.IssueSession(claims)
		check(t, err)
		f.clock.advance(5 * time.Hour)
		revoking(t, f, s)
		w := f.answerOf(request("Cookie", "__Host-itsme="+raw))
		if set := w.Result().Cookies(); w.Code != http.StatusUnauthorized || len(set) != 1 || set[0].MaxAge >= 0 {
			t.Errorf("got %d and %v", w.Code, set)
		}
	})
	t.Run("issue", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := &interrupted{Memory: pending.NewMemory(time.Now)}
			t.Cleanup(func() { _ = s.Close() })
			b := openBubble(t, func(c *gateway.Config, _ *signicattest.Config) { c.Store = s }, roomy)
			subject := b.subjectOf(t, b.login(t))
			p := b.begun(t)
			s.meanwhile = func() { _, _ = b.gateway.RevokeSubject(t.Context(), subject) }
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
			s := &interrupted{Memory: pending.NewMemory(time.Now)}
			t.Cleanup(func() { _ = s.Close() })
			b := openBubble(t, func(c *gateway.Config, _ *signicattest.Config) { c.Store = s }, roomy)
			subject := b.subjectOf(t, b.login(t))
			b.dropKeys(t)
			s.meanwhile = func() { _, _ = b.gateway.RevokeSubject(t.Context(), subject) }
			if got := b.ended.redeem(); got.problem() != "invalid_grant" {
				t.Errorf("got %d %s", got.Code, got.Body)
			}
		})
	})
}
