package redis_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// TestReplicasShareTheWriteBack: the server loses everything, and each of several replicas knows all of it.
// Each revocation is written once, and no replica accepts a revoked token at any moment.
func TestReplicasShareTheWriteBack(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	const revocations = 1500
	replicas := make([]*redis.Store, 4)
	for i := range replicas {
		replicas[i] = open(t, config(s.Address))
	}
	for i := range revocations {
		revoke(t, replicas[i%len(replicas)], strconv.Itoa(i))
	}
	for i := range revocations {
		for _, r := range replicas {
			awaitRevoked(t, r, strconv.Itoa(i))
		}
	}
	s.Do(t, "CONFIG", "RESETSTAT")
	s.Do(t, "FLUSHALL")
	var watchers sync.WaitGroup
	over := make(chan struct{})
	for _, r := range replicas {
		watchers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
				}
				id := strconv.Itoa(i % revocations)
				if revoked, err := r.Revoked(t.Context(), store.Credential{Login: id}); err == nil && !revoked {
					t.Errorf("%s is accepted", id)
					return
				}
				_, _ = r.Len(t.Context()) // a call to the server, instead of a sleep
			}
		})
	}
	listed := func() (n int64) {
		for _, key := range listsOf(t, s) {
			n, _ = s.Do(t, "LLEN", key).ToInt64()
		}
		return n
	}
	redistest.Until(t, "everything is back", func() bool { return listed() >= revocations })
	redistest.Until(t, "every replica is content", func() bool {
		n, err := s.Do(t, "EXISTS", "{itsme:default:revoked:subjects}:restoring").ToInt64()
		return n == 0 && err == nil
	})
	close(over)
	watchers.Wait()
	if n := listed(); n != revocations {
		t.Errorf("%d entries are listed, want %d", n, revocations)
	}
}

// TestRevocationOfASubjectIsNotLost: an operator revokes a user. Redis keeps IssuedUntil in whole seconds. The replica
// must find that revocation again: it would write it back for ever, and replicas that start would wait for that.
func TestRevocationOfASubjectIsNotLost(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c, log := config(s.Address), newLogCapture()
	c.Logger = log.logger()
	st := open(t, c)
	now := time.Now().Truncate(time.Second).Add(time.Second / 2)
	v := store.Revocation{Scope: store.ScopeSubject, ID: "a", IssuedUntil: now.Add(time.Minute), Until: now.Add(time.Hour)}
	if err := st.Revoke(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	until := commandCalls(t, s, "role") + 3 // each look asks for the role first
	redistest.Until(t, "the list was looked at", func() bool { return commandCalls(t, s, "role") >= until })
	if strings.Contains(log.String(), "Redis lost revocations") {
		t.Errorf("the replica takes it for lost:\n%s", log)
	}
}

// TestRevocationThatIsAddedAgainIsNotLost: a user logs out twice, or asks again after 503. Redis has the revocation
// already, and lists it once. The replica must not take it for lost: it would write it back for ever, and
// replicas that start would wait for that.
func TestRevocationThatIsAddedAgainIsNotLost(t *testing.T) {
	t.Parallel()
	v := store.Revocation{Scope: store.ScopeLogin, ID: "a", Until: time.Now().Add(time.Hour)}
	for name, again := range map[string]func(*redis.Store) error{
		"confirmed":     func(st *redis.Store) error { return st.Confirm(t.Context(), v) },
		"revoked again": func(st *redis.Store) error { return st.Revoke(t.Context(), v) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t)
			c, log := config(s.Address), newLogCapture()
			c.Logger = log.logger()
			st := open(t, c)
			looked := func() { // each look asks for the role first
				until := commandCalls(t, s, "role") + 3
				redistest.Until(t, "the list was looked at", func() bool { return commandCalls(t, s, "role") >= until })
			}
			revoke := func() error { return st.Revoke(t.Context(), v) }
			for _, do := range []func() error{revoke, func() error { return again(st) }, func() error { return again(st) }} {
				if err := do(); err != nil {
					t.Fatal(err)
				}
				looked()
			}
			if strings.Contains(log.String(), "Redis lost revocations") {
				t.Errorf("the replica takes it for lost:\n%s", log)
			}
			wantRevoked(t, open(t, config(s.Address)), "a", true)
		})
	}
}
