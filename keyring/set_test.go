package keyring

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/keyring/keyringtest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

const day = 24 * time.Hour

// keyAt is a key of the algorithm that signs from then on, and has an end unless that is zero.
func keyAt(t testing.TB, algorithm token.Algorithm, signsFrom, verifiesUntil time.Duration) Key {
	t.Helper()
	key, err := newKey(algorithm, now.Add(signsFrom))
	if err != nil {
		t.Fatal(err)
	}
	if verifiesUntil != 0 {
		key.VerifiesUntil = now.Add(verifiesUntil)
	}
	return key
}

func TestRolesFollowFromTimes(t *testing.T) {
	t.Parallel()
	at := func(signsFrom, verifiesUntil time.Duration) Key {
		return keyAt(t, token.ES256, signsFrom, verifiesUntil)
	}
	other := func(signsFrom, verifiesUntil time.Duration) Key {
		return keyAt(t, token.EdDSA, signsFrom, verifiesUntil)
	}
	for _, tt := range []struct {
		name  string
		keys  []Key
		roles string
	}{
		{"one key", []Key{at(-day, 0)}, "current"},
		{"made by a replica whose clock is ahead", []Key{at(time.Minute, 0), at(30*day, 0)}, "current next"},
		{"previous, current and next", []Key{at(-30*day, time.Hour), at(-day, 0), at(day, 0)}, "previous current next"},
		{"in any order", []Key{at(day, 0), at(-day, 0), at(-30*day, time.Hour)}, "next current previous"},
		{"one that no token needs any more", []Key{at(-30*day, -time.Hour), at(-day, 0)}, "expired current"},
		{"the next has taken over", []Key{at(-day, time.Hour), at(0, 0)}, "previous current"},
		{"another algorithm goes on until the new one is known", []Key{other(-day, 0), at(time.Hour, 0), other(day, 0)}, "current next next"},
		{"another algorithm's time is over", []Key{other(-day, time.Hour), at(-2*day, 0), other(day, 0)}, "previous current next"},
		{"an algorithm comes back when its last key has almost expired", []Key{at(-day, 8*time.Hour), other(-time.Hour, 0), at(day, 0)}, "previous current next"},
		{"an algorithm comes back when its last key is good for long", []Key{at(-day, 9*time.Hour), other(-time.Hour, 0), at(day, 0)}, "current previous next"},
		{"every key has expired", []Key{at(-30*day, -day), other(-30*day, -day)}, "expired expired"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stored := Set{Keys: tt.keys}
			var roles, published []string
			for _, key := range tt.keys {
				role := stored.role(key, monthly, now)
				roles = append(roles, role)
				switch role {
				case "current":
					published = append([]string{key.ID}, published...)
				case "previous", "next":
					published = append(published, key.ID)
				}
			}
			if got := strings.Join(roles, " "); got != tt.roles {
				t.Errorf("the keys are %s, not %s", got, tt.roles)
			}
			var got []string
			for _, key := range stored.Published(monthly, now) {
				got = append(got, key.ID)
			}
			if diff := cmp.Diff(published, got); diff != "" {
				t.Errorf("published keys (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDamagedKeysAreRefusedAndKept(t *testing.T) {
	t.Parallel()
	key := keyAt(t, token.ES256, 0, 0)
	other := key
	other.ID = "another"
	torn := key
	torn.PrivateKey = torn.PrivateKey[:80]
	for name, content := range map[string]string{
		"cut off":             `{"keys":[`,
		"empty":               "",
		"no key":              `{"keys":[]}`,
		"key of another name": stored(t, other),
		"key that is torn":    stored(t, torn),
		"too large":           stored(t, key) + strings.Repeat(" ", maxDocument),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storage := new(keyringtest.Memory)
			storage.Put(KeysDocument, []byte(content))
			_, err := start(t.Context(), keysIn(storage))
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "restore") {
				t.Errorf("the error is %v", err)
			}
			if err != nil && strings.Contains(err.Error(), torn.PrivateKey[40:60]) {
				t.Errorf("the error shows key material: %v", err)
			}
			if kept := storage.Get(KeysDocument); string(kept) != content {
				t.Errorf("the stored keys were changed to %.40q", kept)
			}
		})
	}
}

// stored is a set with these keys as an older release stored it.
func stored(t testing.TB, keys ...Key) string {
	t.Helper()
	data, err := encodeSet(Set{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
