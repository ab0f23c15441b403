package redis_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// otherSecret is the one that follows on secret, or that of a wrong replica.
var otherSecret = bytes.Repeat([]byte("other"), 8)

const canaryKey = "{itsme:default}:canary"

// start opens a store with secrets and starts it, as a gateway does. Its log comes with it.
func start(t testing.TB, address string, secrets ...[]byte) (*redis.Store, *logCapture) {
	t.Helper()
	c, log := config(address), newLogCapture()
	c.Logger = log.logger()
	c.Secret = secrets[0]
	if len(secrets) > 1 {
		c.OtherSecret = secrets[1]
	}
	st := open(t, c)
	st.Start()
	return st, log
}

func wantReady(t testing.TB, name string, st *redis.Store) {
	t.Helper()
	if _, err := st.Revoked(t.Context(), store.Credential{Login: "a"}); err != nil {
		t.Errorf("%s is not ready: %v", name, err)
	}
}

// secretIDs are those that a store counts by.
func secretIDs(t testing.TB, st *redis.Store) (all []string) {
	t.Helper()
	for _, sealed := range secrets(t, st) {
		all = append(all, sealed.Secret)
	}
	return all
}

func secrets(t testing.TB, st *redis.Store) []redis.Sealed {
	t.Helper()
	all, err := st.Secrets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestReplicaWithAnotherSecretIsNotReady: an operator gives one replica another secret. Half of the logins would
// fail there, and it would know of no revocation. It refuses the store although nothing else is in it, and
// its error names both secrets and the remedy.
func TestReplicaWithAnotherSecretIsNotReady(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	right, _ := start(t, s.Address, []byte(secret))
	wantReady(t, "the first replica", right)
	before := s.Text(t, "GET", canaryKey)
	wrong, log := start(t, s.Address, otherSecret)
	wantUnreadable(t, "the wrong replica", func() error {
		_, err := wrong.Revoked(t.Context(), store.Credential{Login: "a"})
		for _, want := range append(secretIDs(t, wrong), "secret or prefix") {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the error does not name %q: %v", want, err)
			}
		}
		return err
	})
	log.await(t, "level=ERROR")
	second, _ := start(t, s.Address, []byte(secret))
	wantReady(t, "another replica", second)
	if s.Text(t, "GET", canaryKey) != before {
		t.Error("the canary changed")
	}
	if right.ID() != second.ID() {
		t.Error("two replicas on one store have two IDs")
	}
}

// TestOtherPrefixHasAnotherCanary: two gateways on one server do not disturb each other.
func TestOtherPrefixHasAnotherCanary(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	first, _ := start(t, s.Address, []byte(secret))
	wantReady(t, "the first gateway", first)
	c := config(s.Address)
	c.Prefix, c.Secret = "itsme:other", otherSecret
	second := open(t, c)
	second.Start()
	wantReady(t, "the second gateway", second)
}

// TestCanaryIsPutBack: Redis comes back empty, and a replica that ran puts its canary back, so that a wrong
// one which starts then is not taken for the first.
func TestCanaryIsPutBack(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	right, _ := start(t, s.Address, []byte(secret))
	wantReady(t, "the replica", right)
	before := s.Text(t, "GET", canaryKey)
	s.Do(t, "FLUSHALL")
	redistest.Until(t, "the canary is back", func() bool { return held(t, s) == before })
	wrong, _ := start(t, s.Address, otherSecret)
	wantUnreadable(t, "the wrong replica", func() error {
		_, err := wrong.Revoked(t.Context(), store.Credential{Login: "a"})
		return err
	})
	wantExpiring(t, admin(t, s.Address), 400*24*time.Hour)
}

// held returns the canary, empty without one.
func held(t testing.TB, s *redistest.Server) string {
	t.Helper()
	text, _ := s.Do(t, "GET", canaryKey).ToString()
	return text
}

// TestWrongReplicaCameFirst: Redis lost its data while the right replicas could not reach it, and a wrong one
// put its canary up. The right ones log it once and go on. They do not fight for the canary, and a new replica
// cannot know who is right.
func TestWrongReplicaCameFirst(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	via := redistest.NewLine(t, s.Address)
	right, log := start(t, via.Address, []byte(secret))
	wantReady(t, "the right replica", right)
	via.Cut()
	s.Do(t, "FLUSHALL")
	wrong, _ := start(t, s.Address, otherSecret)
	wantReady(t, "the wrong replica", wrong)
	theirs := held(t, s)
	via.Mend()
	log.await(t, "level=ERROR")
	redistest.Until(t, "the right replica goes on", func() bool {
		_, err := right.Revoked(t.Context(), store.Credential{Login: "a"})
		return err == nil
	})
	for range 10 {
		create(t, right, t.Name()+time.Now().String())
	}
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d lines at ERROR, want 1:\n%s", n, log)
	}
	if held(t, s) != theirs {
		t.Error("the right replica replaced the canary")
	}
	fresh, _ := start(t, s.Address, []byte(secret))
	wantUnreadable(t, "a new replica", func() error {
		_, err := fresh.Revoked(t.Context(), store.Credential{Login: "a"})
		return err
	})
	if found := secrets(t, fresh); len(found) != 2 || !found[1].Canary || found[1].Known || found[0].Pending != 10 {
		t.Errorf("the census does not name both secrets: %+v", found)
	}
	if err := wrong.Close(); err != nil {
		t.Fatal(err)
	}
	s.Do(t, "DEL", canaryKey)
	log.await(t, "the canary in Redis is that of this gateway again")
}

// TestStoreThatIsNotStartedLeavesNoTrace: a command or the doctor looks only. It must not turn the secret.
func TestStoreThatIsNotStartedLeavesNoTrace(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	wantReady(t, "a command", open(t, config(s.Address)))
	if n, _ := s.Do(t, "DBSIZE").AsInt64(); n != 0 {
		t.Errorf("it left %d keys", n)
	}
	st, _ := start(t, s.Address, []byte(secret))
	wantReady(t, "the replica", st)
	before := held(t, s)
	c := config(s.Address)
	c.Secret, c.OtherSecret = otherSecret, []byte(secret)
	wantReady(t, "a command with two secrets", open(t, c))
	if held(t, s) != before {
		t.Error("it changed the canary")
	}
}

// TestStoreThatTakesNoWritesIsReady: requests with tokens need no write, so the canary must not need one.
func TestStoreThatTakesNoWritesIsReady(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--min-replicas-to-write", "1")
	st, _ := start(t, s.Address, []byte(secret))
	wantReady(t, "the replica", st)
	if held(t, s) != "" {
		t.Error("the server took the canary")
	}
	s.Do(t, "CONFIG", "SET", "min-replicas-to-write", "0")
	redistest.Until(t, "the canary is there", func() bool { return held(t, s) != "" })
}

// TestNewSecretAloneIsNotReady: an operator drops the old secret too early. What is still sealed with it is
// a revocation, or the list of dropped keys: the replica would let a revoked token in.
func TestNewSecretAloneIsNotReady(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*testing.T, *redis.Store){
		"a revocation": func(t *testing.T, st *redis.Store) { revoke(t, st, "a") },
		"dropped keys": func(t *testing.T, st *redis.Store) {
			err := st.Documents().Update(t.Context(), keyring.DroppedDocument, func([]byte) ([]byte, error) { return []byte("{}"), nil })
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t)
			leave(t, open(t, config(s.Address)))
			if held(t, s) != "" {
				t.Fatal("there is a canary, which would be enough")
			}
			late, _ := start(t, s.Address, otherSecret)
			wantUnreadable(t, "the replica with the new secret alone", func() error {
				_, err := late.Revoked(t.Context(), store.Credential{Login: "b"})
				return err
			})
			if held(t, s) != "" {
				t.Error("it put up a canary")
			}
		})
	}
}

// TestDocumentNamesAreThoseOfTheKeys: a document that is not listed would not be sealed anew.
func TestDocumentNamesAreThoseOfTheKeys(t *testing.T) {
	t.Parallel()
	want := []string{keyring.KeysDocument, keyring.DroppedDocument, keyring.KnownDocument}
	if got := redis.DocumentNames(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestSecretsThatCannotWorkAreRefused names what is wrong before any I/O.
func TestSecretsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for name, other := range map[string][]byte{"a short one": []byte("short"), "an empty one": {}, "the same one": []byte(secret)} {
		c := config("127.0.0.1:6379")
		c.OtherSecret = other
		if _, err := redis.Open(c); !errors.Is(err, redis.ErrConfig) {
			t.Errorf("%s: %v, want %v", name, err, redis.ErrConfig)
		}
	}
}

// TestSealedAnewIsTheSameList: a replica reads a list of which every entry was sealed anew. It does not take it
// for another one, and misses no revocation.
func TestSealedAnewIsTheSameList(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	both, log := start(t, s.Address, []byte(secret), otherSecret)
	for _, id := range []string{"a", "b", "c"} {
		revoke(t, both, id)
		if err := both.Revoke(t.Context(), store.Revocation{Scope: store.ScopeSubject, ID: id, Until: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	turned, turning := start(t, s.Address, otherSecret, []byte(secret))
	turning.await(t, "sealed anew")
	if found := secrets(t, turned); found[0].Revocations != 6 || found[1].Total() != 0 || !found[0].Canary {
		t.Errorf("the census finds %+v", found)
	}
	revoke(t, turned, "d")
	awaitRevoked(t, both, "d")
	revoke(t, both, "e")
	awaitRevoked(t, turned, "e")
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		wantRevoked(t, both, id, true)
		wantRevoked(t, turned, id, true)
	}
	if strings.Contains(log.String()+turning.String(), "Redis lost revocations") {
		t.Errorf("a replica took it for another list:\n%s%s", log, turning)
	}
}
