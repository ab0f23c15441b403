package dpop

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/dpoptest"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestProofIsYoung moves the clock over the edges of the window, without a nonce and with one.
func TestProofIsYoung(t *testing.T) {
	t.Parallel()
	key := dpoptest.NewKey(t)
	for _, row := range []struct {
		name         string
		iat, nonce   time.Duration // the gateway's clock is this much later
		noNonce      bool
		always, want bool
	}{
		{name: "now", noNonce: true, want: true},
		{name: "60 s old", noNonce: true, iat: Window, want: true},
		{name: "61 s old", noNonce: true, iat: Window + time.Second},
		{name: "60 s ahead", noNonce: true, iat: -Window, want: true},
		{name: "61 s ahead", noNonce: true, iat: -Window - time.Second},
		{name: "without a nonce where one is demanded", noNonce: true, always: true},
		{name: "a wrong clock with a nonce", iat: 1000 * time.Hour, want: true},
		{name: "a clock far ahead with a nonce", iat: -1000 * time.Hour, want: true},
		{name: "a nonce where one is demanded", always: true, want: true},
		{name: "a nonce of 5 minutes", nonce: NonceLifetime, want: true},
		{name: "a nonce of more", nonce: NonceLifetime + time.Second},
		{name: "a nonce of a replica whose clock is ahead", nonce: -token.Skew, want: true},
		{name: "a nonce of the future", nonce: -token.Skew - time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			e.NonceAlways = row.always
			p := dpoptest.Proof{Method: "GET", URL: resource, At: e.now.Add(-row.iat)}
			if !row.noNonce {
				p.Nonce = newNonce(e.keys.KeySet(), issuer, e.now.Add(-row.nonce))
			}
			_, err := e.Check(key.Sign(t, p), Request{Method: "GET", URL: resource})
			if (err == nil) != row.want || err != nil && !errors.Is(err, ErrNonce) {
				t.Fatalf("got %v", err)
			}
			var asks *NonceError
			if !errors.As(err, &asks) {
				return
			}
			p.Nonce = asks.Fresh
			if _, err := e.Check(key.Sign(t, p), Request{Method: "GET", URL: resource}); err != nil {
				t.Errorf("with the fresh nonce: %v", err)
			}
			if strings.Contains(err.Error(), asks.Fresh) {
				t.Error("the error's text has the nonce")
			}
		})
	}
}

// TestOnlyOurNoncesCount: a client makes up a nonce, changes one, or takes one of another gateway.
func TestOnlyOurNoncesCount(t *testing.T) {
	t.Parallel()
	e, key := newEnv(t), dpoptest.NewKey(t)
	keys := e.keys.KeySet()
	good := newNonce(keys, issuer, e.now)
	for name, nonce := range map[string]string{
		"made up": strings.Repeat("A", len(good)), "of another issuer": newNonce(keys, issuer+"/x", e.now),
		"of another key": newNonce(keystest.New(t, token.ES256).KeySet(), issuer, e.now), "longer": good + "A", "shorter": good[1:],
		"with a later time": newNonce(keys, issuer, e.now.Add(time.Minute))[:10] + good[10:], "with padding": good + "=", "not base64url": "!" + good[1:],
	} {
		raw := key.Sign(t, dpoptest.Proof{Method: "GET", URL: resource, At: e.now, Nonce: nonce})
		if _, err := e.Check(raw, Request{Method: "GET", URL: resource}); !errors.Is(err, ErrNonce) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNonceOutlivesARotation: the key rotates between the answer with the nonce and the proof with it, or another replica
// rotated first.
func TestNonceOutlivesARotation(t *testing.T) {
	t.Parallel()
	e, key := newEnv(t), dpoptest.NewKey(t)
	before, after := e.keys.KeySet().Current(), keystest.New(t, token.EdDSA).KeySet().Current()
	nonces := map[string]string{"the previous key": newNonce(e.keys.KeySet(), issuer, e.now)}
	rotated, err := token.NewKeySet(after, before)
	if err != nil {
		t.Fatal(err)
	}
	nonces["the current key"] = newNonce(rotated, issuer, e.now)
	e.keys.Set(rotated)
	for name, nonce := range nonces {
		raw := key.Sign(t, dpoptest.Proof{Method: "GET", URL: resource, At: e.now, Nonce: nonce})
		if _, err := e.Check(raw, Request{Method: "GET", URL: resource}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	alone, err := token.NewKeySet(after)
	if err != nil {
		t.Fatal(err)
	}
	e.keys.Set(alone)
	raw := key.Sign(t, dpoptest.Proof{Method: "GET", URL: resource, At: e.now, Nonce: nonces["the previous key"]})
	if _, err := e.Check(raw, Request{Method: "GET", URL: resource}); !errors.Is(err, ErrNonce) {
		t.Errorf("a nonce of a dropped key: %v", err)
	}
	e.keys.Set(nil)
	if _, err := e.Check(raw, Request{Method: "GET", URL: resource}); !errors.Is(err, token.ErrNoKeys) {
		t.Errorf("without keys: %v", err)
	}
}

// TestOldNonceIsRenewed: a client that keeps calling never has to repeat a request.
func TestOldNonceIsRenewed(t *testing.T) {
	t.Parallel()
	e, key := newEnv(t), dpoptest.NewKey(t)
	for age, renewed := range map[time.Duration]bool{0: false, NonceLifetime / 2: false, NonceLifetime/2 + time.Second: true} {
		nonce := newNonce(e.keys.KeySet(), issuer, e.now.Add(-age))
		raw := key.Sign(t, dpoptest.Proof{Method: "GET", URL: resource, At: e.now, Nonce: nonce})
		p, err := e.Check(raw, Request{Method: "GET", URL: resource})
		if err != nil || (p.FreshNonce != "") != renewed {
			t.Errorf("a nonce of %s: renewed by %q: %v", age, p.FreshNonce, err)
		}
	}
}
