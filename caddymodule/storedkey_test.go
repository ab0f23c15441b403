package caddymodule

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/token"
)

const day = 24 * time.Hour

// keyAt is a key of the algorithm that signs from then on, and has an end unless that is zero.
func keyAt(t testing.TB, algorithm token.Algorithm, signsFrom, verifiesUntil time.Duration) storedKey {
	t.Helper()
	key, err := newStoredKey(algorithm, now.Add(signsFrom))
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
	at := func(signsFrom, verifiesUntil time.Duration) storedKey {
		return keyAt(t, token.ES256, signsFrom, verifiesUntil)
	}
	other := func(signsFrom, verifiesUntil time.Duration) storedKey {
		return keyAt(t, token.EdDSA, signsFrom, verifiesUntil)
	}
	for _, tt := range []struct {
		name  string
		keys  []storedKey
		roles string
	}{
		{"one key", []storedKey{at(-day, 0)}, "current"},
		{"made by a replica whose clock is ahead", []storedKey{at(time.Minute, 0), at(30*day, 0)}, "current next"},
		{"previous, current and next", []storedKey{at(-30*day, time.Hour), at(-day, 0), at(day, 0)}, "previous current next"},
		{"in any order", []storedKey{at(day, 0), at(-day, 0), at(-30*day, time.Hour)}, "next current previous"},
		{"one that no token needs any more", []storedKey{at(-30*day, -time.Hour), at(-day, 0)}, "expired current"},
		{"the next has taken over", []storedKey{at(-day, time.Hour), at(0, 0)}, "previous current"},
		{"another algorithm goes on until the new one is known", []storedKey{other(-day, 0), at(time.Hour, 0), other(day, 0)}, "current next next"},
		{"another algorithm's time is over", []storedKey{other(-day, time.Hour), at(-2*day, 0), other(day, 0)}, "previous current next"},
		{"an algorithm comes back when its last key has almost expired", []storedKey{at(-day, 8*time.Hour), other(-time.Hour, 0), at(day, 0)}, "previous current next"},
		{"an algorithm comes back when its last key is good for long", []storedKey{at(-day, 9*time.Hour), other(-time.Hour, 0), at(day, 0)}, "current previous next"},
		{"every key has expired", []storedKey{at(-30*day, -day), other(-30*day, -day)}, "expired expired"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stored := storedKeys{tt.keys}
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
			for _, key := range stored.published(monthly, now) {
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
	for name, content := range map[string]any{
		"cut off":             json.RawMessage(`{"keys":[`),
		"no key":              storedKeys{},
		"key of another name": storedKeys{[]storedKey{other}},
		"key that is torn":    storedKeys{[]storedKey{torn}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storage := &certmagic.FileStorage{Path: t.TempDir()}
			data, ok := content.(json.RawMessage)
			if !ok {
				data, _ = json.Marshal(content)
			}
			if err := storage.Store(t.Context(), "itsme/default/keys.json", data); err != nil {
				t.Fatal(err)
			}
			_, err := start(t.Context(), keysIn(storage))
			if !errors.Is(err, errStoredKeys) || !strings.Contains(err.Error(), "restore") {
				t.Errorf("the error is %v", err)
			}
			if err != nil && strings.Contains(err.Error(), torn.PrivateKey[40:60]) {
				t.Errorf("the error shows key material: %v", err)
			}
			if kept, err := storage.Load(t.Context(), "itsme/default/keys.json"); err != nil || string(kept) != string(data) {
				t.Errorf("the stored keys were changed (%v)", err)
			}
		})
	}
}
