package redis_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// TestDumpShowsNobody: an attacker who steals the data of the server, but not the secret, learns
// neither who logged in, from where, with what, nor who is refused.
func TestDumpShowsNobody(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	st := open(t, config(s.Address))
	hidden := liveAFullLife(t, st)
	all := dump(t, admin(t, s.Address))
	if len(all) < 10 {
		t.Fatalf("only %d keys in Redis", len(all))
	}
	if known := recordKey("id-of-issued"); all[known] == "" {
		t.Errorf("the dump does not even show %s", known)
	}
	for key, held := range all {
		for what, text := range hidden {
			if strings.Contains(key, text) || strings.Contains(held, text) {
				t.Errorf("%s shows the %s", key, what)
			}
		}
	}
}

// liveAFullLife uses all of the store, and returns what a thief must not see of it.
func liveAFullLife(t testing.TB, st *redis.Store) (hidden map[string]string) {
	t.Helper()
	hidden = map[string]string{
		"secret": secret, "remembered key": "remembered-key", "remembered value": "remembered-value",
		"counter": "counter-of-198.51.100.7", "family": "hidden-family",
		"enrolled subject": "enrolled-subject", "enrolled login": "enrolled-login",
	}
	if err := st.Enroll(t.Context(), hidden["enrolled subject"], hidden["enrolled login"], time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := st.CreateFamily(t.Context(), family("hidden-family-login")); err != nil {
		t.Fatal(err)
	}
	for _, phase := range []store.Phase{store.Pending, store.Issued, store.Denied} {
		r := create(t, st, "id-of-"+phase.String())
		kept := *r
		mark(&kept, hidden)
		kept.Phase, kept.EndedAt = phase, time.Now()
		if err := st.Update(t.Context(), &kept); err != nil {
			t.Fatal(err)
		}
		hidden["client"] = r.Client
	}
	if _, err := st.Remember(t.Context(), hidden["remembered key"], hidden["remembered value"], time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Allow(t.Context(), store.Quota{Owner: hidden["counter"], Limit: 1, Window: time.Hour}); err != nil {
		t.Fatal(err)
	}
	for scope, id := range map[store.Scope]string{
		store.ScopeToken: "revoked-token", store.ScopeLogin: "revoked-login", store.ScopeSubject: "revoked-subject",
	} {
		hidden[id] = id
		if err := st.Revoke(t.Context(), store.Revocation{Scope: scope, ID: id, Until: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	return hidden
}

// mark gives every text and hash of a record another value, and notes it. The ID is a
// hash already, and what the store finds the record by.
func mark(r *store.Record, hidden map[string]string) {
	v := reflect.ValueOf(r).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch field := v.Field(i).Addr().Interface().(type) {
		case *string:
			if name != "ID" && name != "Needs" {
				*field = "hidden-" + name
				hidden[name] = *field
			}
		case *store.Bytes32:
			copy(field[:], strings.Repeat(name, 32))
			text, _ := field.MarshalText()
			hidden[name], hidden[name+" in text"] = string(field[:]), string(text)
		case *store.Members:
			*field = `{"hidden":"hidden-member"}`
			hidden[name] = "hidden-member"
		}
	}
}

// TestMovedValueIsRefused: who can write to Redis, but lacks the secret, can neither
// change a login, nor put one in the place of another, nor a value in that of a login.
func TestMovedValueIsRefused(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	st := open(t, config(s.Address))
	create(t, st, "victim")
	create(t, st, "attacker")
	client := admin(t, s.Address)
	held := func(id string) string {
		text, err := do(t, client, "GET", recordKey(id)).ToString()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	victim, attacker := held("victim"), held("attacker")
	for name, put := range map[string]string{
		"another's":             attacker,
		"another version":       "2" + victim[1:],
		"a bit changed":         victim[:len(victim)-1] + string(victim[len(victim)-1]^1),
		"cut off":               victim[:len(victim)-1],
		"hardly anything":       "1 u x",
		"no header":             "x",
		"a version of no count": "x" + victim[1:],
	} {
		do(t, client, "SET", recordKey("victim"), put, "PX", "60000")
		wantUnreadable(t, name, func() error { _, err := st.Load(t.Context(), "victim"); return err })
	}
	do(t, client, "SET", recordKey("victim"), victim, "PX", "60000")
	if _, err := st.Load(t.Context(), "victim"); err != nil {
		t.Errorf("loading what was put back: %v", err)
	}

	c := config(s.Address)
	c.Prefix = "itsme:other"
	do(t, client, "COPY", recordKey("victim"), redis.RecordKey("itsme:other", "victim"))
	wantUnreadable(t, "another gateway's, with the same secret", func() error {
		_, err := open(t, c).Load(t.Context(), "victim")
		return err
	})
}

// recordKey is where a record is, under the default prefix.
func recordKey(id string) string { return redis.RecordKey(redis.DefaultPrefix, id) }

func wantUnreadable(t *testing.T, name string, read func() error) {
	t.Helper()
	if err := read(); !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, redis.ErrUnreadable) {
		t.Errorf("%s: %v, want %v and %v", name, err, store.ErrUnavailable, redis.ErrUnreadable)
	}
}

// TestMovedRememberedValueIsRefused: the session that one client started is not given
// to another that asks for its own.
func TestMovedRememberedValueIsRefused(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	st := open(t, config(s.Address))
	remember := func(key string) error {
		_, err := st.Remember(t.Context(), key, "session of "+key, time.Hour)
		return err
	}
	if err := errors.Join(remember("victim"), remember("attacker")); err != nil {
		t.Fatal(err)
	}
	client := admin(t, s.Address)
	names, err := do(t, client, "KEYS", "*:value:*").AsStrSlice()
	if err != nil || len(names) != 2 {
		t.Fatalf("remembered values are at %q, %v", names, err)
	}
	do(t, client, "RENAME", names[0], names[1])
	refused := 0
	for _, key := range []string{"victim", "attacker"} {
		value, err := st.Recall(t.Context(), key)
		if errors.Is(err, redis.ErrUnreadable) {
			refused++
		} else if value != "" || err != nil {
			t.Errorf("recalling %s: %q, %v", key, value, err)
		}
	}
	if refused != 1 {
		t.Errorf("%d moved values are refused, want 1", refused)
	}
}

// TestMovedFamilyIsRefused: whose refresh tokens these are, and who that is, cannot be
// put in the place of another.
func TestMovedFamilyIsRefused(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	st := open(t, config(s.Address))
	if err := st.CreateFamily(t.Context(), family("a")); err != nil {
		t.Fatal(err)
	}
	client := admin(t, s.Address)
	names, err := do(t, client, "KEYS", "*:family:*").AsStrSlice()
	if err != nil || len(names) != 1 {
		t.Fatalf("families are at %q, %v", names, err)
	}
	held, err := do(t, client, "GET", names[0]).ToString()
	if err != nil {
		t.Fatal(err)
	}
	if err := st.CreateFamily(t.Context(), family("b")); err != nil {
		t.Fatal(err)
	}
	both, err := do(t, client, "KEYS", "*:family:*").AsStrSlice()
	if err != nil || len(both) != 2 {
		t.Fatalf("families are at %q, %v", both, err)
	}
	for _, key := range both {
		do(t, client, "SET", key, held, "PX", "60000")
	}
	if _, err := st.LoadFamily(t.Context(), "a"); err != nil {
		t.Errorf("loading what was put back: %v", err)
	}
	wantUnreadable(t, "another's", func() error { _, err := st.LoadFamily(t.Context(), "b"); return err })
	do(t, client, "SET", names[0], "2"+held[1:], "PX", "60000")
	wantUnreadable(t, "another version", func() error { _, err := st.LoadFamily(t.Context(), "a"); return err })
}

// TestMovedLoginIsRefused puts the running login of one subject in the place of another's: a
// revocation of the one must not end the other's.
func TestMovedLoginIsRefused(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	st := open(t, config(s.Address))
	client := admin(t, s.Address)
	if err := st.Enroll(t.Context(), "victim", "login", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	names, err := do(t, client, "KEYS", "*:logins:*").AsStrSlice()
	if err != nil || len(names) != 1 {
		t.Fatalf("logins are at %q, %v", names, err)
	}
	if err := st.Enroll(t.Context(), "attacker", "other", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	both, err := do(t, client, "KEYS", "*:logins:*").AsStrSlice()
	if err != nil || len(both) != 2 {
		t.Fatalf("logins are at %q, %v", both, err)
	}
	other := both[0]
	if other == names[0] {
		other = both[1]
	}
	do(t, client, "COPY", names[0], other, "REPLACE")
	wantUnreadable(t, "moved", func() error { _, err := st.WithdrawAll(t.Context(), "attacker"); return err })
}
