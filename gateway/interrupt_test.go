package gateway_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// interrupted is a store that runs a function in the middle of an operation, as another replica could act.
type interrupted struct {
	*store.Memory
	meanwhile func()
}

func (s *interrupted) interrupt() {
	if s.meanwhile != nil {
		s.meanwhile()
	}
}

// UpdateFamily implements [store.Families].
func (s *interrupted) UpdateFamily(ctx context.Context, f *store.Family) error {
	defer s.interrupt()
	return s.Memory.UpdateFamily(ctx, f)
}

// TestRevocationBetweenSigningAndAnswer revokes after a replica signed a token and before it answers. The
// replica checks once more, and the client gets no token.
func TestRevocationBetweenSigningAndAnswer(t *testing.T) {
	t.Parallel()
	interrupt := func(e *env) *interrupted { return &interrupted{Memory: e.store} }
	revoking := func(t *testing.T, e *env, s *interrupted) {
		s.meanwhile = func() {
			s.meanwhile = nil
			_, err := e.RevokeSubject(t.Context(), envSubject)
			check(t, err)
		}
	}
	t.Run("refresh", func(t *testing.T) {
		t.Parallel()
		e := newEnv(t)
		s := interrupt(e)
		e.rebuild(t, func(c *gateway.Config) { c.Store = s }, refreshing)
		e.family("login", store.App)
		revoking(t, e, s)
		if got := e.refresh(gateway.RefreshToken("login", 1, [32]byte{})); got.Error != "invalid_grant" || got.Access != "" {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("renewal", func(t *testing.T) {
		t.Parallel()
		e := newEnv(t)
		s := interrupt(e)
		e.rebuild(t, func(c *gateway.Config) { c.Store = s }, refreshing)
		e.family("login", store.Browser)
		claims := e.claims()
		claims.ID = "login.1"
		raw, _, err := e.authority.IssueSession(claims)
		check(t, err)
		e.clock.advance(5 * time.Hour)
		revoking(t, e, s)
		w := e.answerOf(request("Cookie", "__Host-itsme="+raw))
		if set := w.Result().Cookies(); w.Code != http.StatusUnauthorized || len(set) != 1 || set[0].MaxAge >= 0 {
			t.Errorf("got %d and %v", w.Code, set)
		}
	})
}
