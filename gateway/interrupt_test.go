package gateway_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
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

// UpdateFamily implements [store.Families].
func (s *interrupted) UpdateFamily(ctx context.Context, f *store.Family) error {
	defer s.interrupt()
	return s.Memory.UpdateFamily(ctx, f)
}

// TestRevocationBetweenSigningAndAnswer revokes while a replica has signed a token and has not answered
// yet. The replica looks once more: the client gets no token.
func TestRevocationBetweenSigningAndAnswer(t *testing.T) {
	t.Parallel()
	interrupt := func(f *fort) *interrupted { return &interrupted{Memory: f.store} }
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
		s := interrupt(f)
		f.rebuild(t, func(c *gateway.Config) { c.Store = s }, refreshing)
		f.family("login", store.App)
		revoking(t, f, s)
		if got := f.refresh(gateway.RefreshToken("login", 1, [32]byte{})); got.Error != "invalid_grant" || got.Access != "" {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("renewal", func(t *testing.T) {
		t.Parallel()
		f := openFort(t)
		s := interrupt(f)
		f.rebuild(t, func(c *gateway.Config) { c.Store = s }, refreshing)
		f.family("login", store.Browser)
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
}
