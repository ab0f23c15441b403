package redis_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
)

// What the store logs.
const (
	reached = "Redis keeps pending sessions"
	lost    = "Redis cannot be reached"
	back    = "Redis is back"
)

func bounds() store.Bounds { return store.Bounds{Total: 1000, PerClient: 1000} }

// create keeps a new record.
func create(t testing.TB, s store.Store, id string) *store.Record {
	t.Helper()
	r := storetest.NewRecord(id, "192.0.2.1", time.Now())
	if _, err := s.Create(t.Context(), r, bounds()); err != nil {
		t.Fatalf("creating %s: %v", id, err)
	}
	return r
}

// family returns a login that may be refreshed.
func family(id string) *store.Family {
	return &store.Family{ID: id, Subject: "hidden-family-subject", Claims: `{"name":"hidden-family-name"}`, ExpiresAt: time.Now().Add(time.Hour)}
}

// calls is one call of every method that can fail, by its name.
func calls(s *redis.Store) map[string]func(context.Context) error {
	record := func() *store.Record { return storetest.NewRecord("a", "192.0.2.1", time.Now()) }
	return map[string]func(context.Context) error{
		"Create":   func(ctx context.Context) error { _, err := s.Create(ctx, record(), bounds()); return err },
		"Load":     func(ctx context.Context) error { _, err := s.Load(ctx, "a"); return err },
		"Update":   func(ctx context.Context) error { return s.Update(ctx, record()) },
		"Recall":   func(ctx context.Context) error { _, err := s.Recall(ctx, "key"); return err },
		"Remember": func(ctx context.Context) error { _, err := s.Remember(ctx, "key", "value", time.Hour); return err },
		"Allow": func(ctx context.Context) error {
			_, err := s.Allow(ctx, store.Quota{Owner: "key", Limit: 1, Window: time.Hour})
			return err
		},
		"Revoke": func(ctx context.Context) error {
			return s.Revoke(ctx, store.Revocation{Scope: store.ScopeToken, ID: "token", Until: time.Now().Add(time.Hour)})
		},
		"Revoked": func(ctx context.Context) error {
			_, err := s.Revoked(ctx, store.Credential{TokenID: "token"})
			return err
		},
		"CreateFamily": func(ctx context.Context) error { return s.CreateFamily(ctx, family("a")) },
		"LoadFamily":   func(ctx context.Context) error { _, err := s.LoadFamily(ctx, "a"); return err },
		"UpdateFamily": func(ctx context.Context) error { return s.UpdateFamily(ctx, family("a")) },
		"DeleteFamily": func(ctx context.Context) error { return s.DeleteFamily(ctx, "a") },
		"Enroll":       func(ctx context.Context) error { return s.Enroll(ctx, "subject", "a", time.Now().Add(time.Hour)) },
		"Withdraw":     func(ctx context.Context) error { return s.Withdraw(ctx, "subject", "a") },
		"WithdrawAll":  func(ctx context.Context) error { _, err := s.WithdrawAll(ctx, "subject"); return err },
		"Len":          func(ctx context.Context) error { _, err := s.Len(ctx); return err },
		"Check":        s.Check,
		"ReadDocument": func(ctx context.Context) error { _, err := s.Documents().Read(ctx, "keys"); return err },
		"UpdateDocument": func(ctx context.Context) error {
			return s.Documents().Update(ctx, "keys", func([]byte) ([]byte, error) { return []byte("text"), nil })
		},
	}
}

// wantUnavailable calls every method, each of which has to refuse.
func wantUnavailable(t *testing.T, s *redis.Store) {
	t.Helper()
	for name, call := range calls(s) {
		if err := call(t.Context()); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want %v", name, err, store.ErrUnavailable)
		}
	}
}

func TestAwayAtStart(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Kill()
	log := newLogCapture()
	c := config(s.Address)
	c.Logger = log.logger()
	st := open(t, c)
	wantUnavailable(t, st)
	log.await(t, lost)
	s.Restart(t)
	log.await(t, reached)
	create(t, st, "a")
}

// TestAwayInTheMiddle: no request is let in by what was known before, and none waits.
func TestAwayInTheMiddle(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	log := newLogCapture()
	c := config(s.Address)
	c.Logger = log.logger()
	st := open(t, c)
	create(t, st, "a")
	s.Kill()
	wantRefusals(t, st)
	wantUnavailable(t, st)
	log.await(t, lost)
	s.Restart(t)
	log.await(t, back)
	if _, err := st.Load(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("loading what the server lost: %v, want %v", err, store.ErrNotFound)
	}
	create(t, st, "a")
}

// wantRefusals asks for a token that is good until the answer is no answer, which must
// be at the latest for questions asked a MaxStaleness from now.
func wantRefusals(t *testing.T, st *redis.Store) {
	t.Helper()
	begin := time.Now()
	for {
		late := time.Since(begin) > store.MaxStaleness
		_, err := st.Revoked(t.Context(), store.Credential{TokenID: "token"})
		switch {
		case errors.Is(err, store.ErrUnavailable):
			return
		case err != nil || late:
			t.Fatalf("%v after Redis went away: %v", time.Since(begin), err)
		}
		_, _ = st.Len(t.Context()) // a call to the server, instead of a sleep
	}
}

// TestHangingServer: one that takes everything and answers nothing.
func TestHangingServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	log := newLogCapture()
	c := config(s.Address)
	c.Logger = log.logger()
	c.Timeout = time.Second
	st := open(t, c)
	create(t, st, "a")
	s.Hang(t)
	wantRefusals(t, st)
	wantUnavailable(t, st)
	log.await(t, lost)
	s.Wake(t)
	log.await(t, back)
	if _, err := st.Load(t.Context(), "a"); err != nil {
		t.Errorf("loading: %v", err)
	}
}

// TestCloseWhileServerHangs: a reload must not wait for a server that does not answer.
func TestCloseWhileServerHangs(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := config(s.Address)
	c.Timeout = time.Second
	st := open(t, c)
	create(t, st, "a")
	s.Hang(t)
	begin := time.Now()
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("closing took %v", took)
	}
}

// TestSlowServer: a call ends with its own time, and with the caller's if that is less.
func TestSlowServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := config(s.Address)
	c.Timeout = time.Second
	st := open(t, c)
	create(t, st, "a")
	pause := admin(t, s.Address)

	do(t, pause, "CLIENT", "PAUSE", "60000", "ALL")
	limited, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := st.Load(limited, "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("loading within less time than a call has: %v, want %v", err, context.DeadlineExceeded)
	}
	_, err := st.Load(t.Context(), "a")
	if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "deadline") {
		t.Errorf("loading: %v, want %v because of the call's own deadline", err, store.ErrUnavailable)
	}
}

// TestCallerHangsUp: who cancels gets that error at once, and takes no connection away.
func TestCallerHangsUp(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := config(s.Address)
	st := open(t, c)
	create(t, st, "a")
	other := admin(t, s.Address)
	do(t, other, "CLIENT", "PAUSE", "60000", "WRITE")
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error)
	go func() {
		_, err := st.Remember(ctx, "key", "value", time.Hour)
		asked <- err
	}()
	for info := ""; !strings.Contains(info, "blocked_clients:1"); {
		info = do(t, other, "INFO", "clients").String()
	}
	cancel()
	if err := <-asked; !errors.Is(err, context.Canceled) {
		t.Errorf("remembering: %v, want %v", err, context.Canceled)
	}
	do(t, other, "CLIENT", "UNPAUSE")
	if _, err := st.Load(t.Context(), "a"); err != nil {
		t.Errorf("loading afterwards: %v", err)
	}
}

// TestFullServer: what cannot be written is refused, what can be read is answered.
func TestFullServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	st := open(t, config(s.Address))
	before := create(t, st, "before")
	do(t, admin(t, s.Address), "CONFIG", "SET", "maxmemory", "1")
	all := calls(st)
	for _, name := range []string{"Create", "Remember", "Allow", "Revoke", "CreateFamily", "Enroll"} {
		if err := all[name](t.Context()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v, want %v", name, err, store.ErrUnavailable)
		}
	}
	before.Reason = "changed"
	if err := st.Update(t.Context(), before); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("updating: %v, want %v", err, store.ErrUnavailable)
	}
	if got, err := st.Load(t.Context(), "before"); err != nil || got.Reason != "" || got.Version != 1 {
		t.Errorf("loaded %+v, %v, want it as it was", got, err)
	}
	if revoked, err := st.Revoked(t.Context(), store.Credential{TokenID: "token"}); err != nil || revoked {
		t.Errorf("Revoked = %t, %v", revoked, err)
	}
}

// TestForgottenScripts: after a restart or SCRIPT FLUSH a server knows no script.
func TestForgottenScripts(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	st := open(t, config(s.Address))
	other := admin(t, s.Address)
	for name, call := range calls(st) {
		do(t, other, "SCRIPT", "FLUSH")
		if err := call(t.Context()); err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOutageAfterARefusalIsLogged: the outage begins with a server that refuses, and goes on with none.
func TestOutageAfterARefusalIsLogged(t *testing.T) {
	t.Parallel()
	_, replica := redistest.StartPair(t)
	log := newLogCapture()
	c := config(replica.Address)
	c.Logger = log.logger()
	open(t, c).Start()
	log.await(t, "cause=readonly")
	replica.Kill()
	log.await(t, lost)
}

// TestWaitForATurnEndsWithTheCaller: other calls have all the connections on which a store waits for standbys.
func TestWaitForATurnEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := config(s.Address)
	c.Timeout = 10 * time.Second
	st := open(t, c)
	create(t, st, "a")
	other := admin(t, s.Address)
	do(t, other, "CLIENT", "PAUSE", "60000", "WRITE")
	var others sync.WaitGroup
	var ended atomic.Int64
	for range redis.WaitingConns {
		others.Go(func() {
			_ = st.DeleteFamily(t.Context(), "a")
			ended.Add(1)
		})
	}
	redistest.Until(t, "all connections are taken", func() bool {
		return strings.Contains(do(t, other, "INFO", "clients").String(), "blocked_clients:"+strconv.Itoa(redis.WaitingConns))
	})
	limited, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := st.DeleteFamily(limited, "b"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deleting: %v, want %v", err, context.DeadlineExceeded)
	}
	if n := ended.Load(); n != 0 {
		t.Errorf("the caller waited until %d other calls had ended", n)
	}
	do(t, other, "CLIENT", "UNPAUSE")
	others.Wait()
}
