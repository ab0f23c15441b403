package dpop

import (
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

const (
	issuer   = "https://app.example.be"
	resource = "https://api.example.be/accounts"
)

// env is a checker with a clock that a test moves.
type env struct {
	*Checker
	keys *token.Keys
	now  time.Time
}

func newEnv(tb testing.TB) *env {
	tb.Helper()
	e := &env{keys: keystest.New(tb, token.ES256), now: time.Unix(1_773_921_600, 0)}
	e.Checker = &Checker{Keys: e.keys.KeySet, Issuer: issuer, Memory: NewMemory(), Now: func() time.Time { return e.now }}
	return e
}

// pass checks and uses a proof.
func (e *env) pass(raw string, r Request) (Proof, error) {
	p, err := e.Check(raw, r)
	if err == nil {
		err = e.Use(p)
	}
	return p, err
}
