package caddymodule

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// monthly is a rotation of tokens that live for eight hours at most.
var monthly = rotation{algorithm: token.ES256, every: 30 * day, longest: 8 * time.Hour}

// at is a key without key material, and with tokens of eight hours.
func at(id string, signsFrom, verifiesUntil time.Duration) storedKey {
	key := storedKey{
		ID: id, Algorithm: token.ES256, CreatedAt: now.Add(signsFrom - monthly.every), SignsFrom: now.Add(signsFrom),
		LongestSeconds: monthly.longestSeconds(),
	}
	if verifiesUntil != 0 {
		key.VerifiesUntil = now.Add(verifiesUntil)
	}
	return key
}

// with changes a key.
func with(key storedKey, change func(*storedKey)) storedKey {
	change(&key)
	return key
}

func eddsa(key *storedKey) { key.Algorithm = token.EdDSA }

func TestKeysSettle(t *testing.T) {
	t.Parallel()
	end := 8*time.Hour + keyMargin
	for _, tt := range []struct {
		name       string
		keys, want []storedKey
	}{
		{
			"nothing is due",
			[]storedKey{at("previous", -31*day, end), at("current", -day, 0), at("next", 29*day, 0)},
			[]storedKey{at("previous", -31*day, end), at("current", -day, 0), at("next", 29*day, 0)},
		}, {
			"the key before gets its end",
			[]storedKey{at("previous", -30*day, 0), at("current", 0, 0)},
			[]storedKey{at("previous", -30*day, end), at("current", 0, 0)},
		}, {
			"its end follows from the longest lifetime that it saw",
			[]storedKey{with(at("previous", -30*day, 0), func(k *storedKey) { k.LongestSeconds = 86400 }), at("current", 0, 0)},
			[]storedKey{with(at("previous", -30*day, 24*time.Hour+keyMargin), func(k *storedKey) { k.LongestSeconds = 86400 }), at("current", 0, 0)},
		}, {
			"a key goes when its last token has expired",
			[]storedKey{at("previous", -30*day, 0), at("current", 0, 0), at("expired", -31*day, -time.Second), at("expiring", -31*day, time.Second)},
			[]storedKey{at("previous", -30*day, end), at("current", 0, 0), at("expiring", -31*day, time.Second)},
		}, {
			"longer lifetimes are noted",
			[]storedKey{with(at("current", -day, 0), func(k *storedKey) { k.LongestSeconds = 60 }), at("next", 29*day, 0)},
			[]storedKey{at("current", -day, 0), at("next", 29*day, 0)},
		}, {
			"a shorter rotation brings the next key forward",
			[]storedKey{at("current", -40*day, 0), at("next", 10*day, 0)},
			[]storedKey{at("current", -40*day, 0), with(at("next", 10*day, 0), func(k *storedKey) { k.SignsFrom = now.Add(keyLead) })},
		}, {
			"a key from the future signs when there is no other",
			[]storedKey{at("current", time.Minute, 0), at("next", 30*day, 0)},
			[]storedKey{with(at("current", time.Minute, 0), func(k *storedKey) { k.SignsFrom = now }), at("next", 30*day, 0)},
		}, {
			"another algorithm's keys go when they are replaced, and no earlier",
			[]storedKey{with(at("old", -day, 0), eddsa), with(at("old next", day, 0), eddsa), at("current", -time.Hour, 0)},
			[]storedKey{with(at("old", -day, 2*end), eddsa), with(at("old next", day, 0), eddsa), at("current", -time.Hour, 0)},
		}, {
			"another algorithm's key that still signs has no end",
			[]storedKey{with(at("old", -day, end+keyMargin-time.Second), eddsa), at("next", 20*time.Minute, 0)},
			[]storedKey{with(at("old", -day, 0), eddsa), at("next", 20*time.Minute, 0)},
		}, {
			"an end that others gave to a key that signs here is taken away in time",
			[]storedKey{at("current", -day, end+keyMargin-time.Second), with(at("theirs", -time.Hour, 2*end), eddsa)},
			[]storedKey{at("current", -day, 0), with(at("theirs", -time.Hour, 2*end), eddsa)},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			settled := monthly.settled(storedKeys{tt.keys}, now)
			if diff := cmp.Diff(tt.want, settled.Keys); diff != "" {
				t.Errorf("settled keys (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(settled, monthly.settled(settled, now)); diff != "" {
				t.Errorf("they do not stay so (-first +again):\n%s", diff)
			}
		})
	}
}

func TestKeysThatAreMade(t *testing.T) {
	t.Parallel()
	const none = time.Duration(-1)
	for _, tt := range []struct {
		name string
		keys []storedKey
		in   time.Duration // until the key that is made takes over
	}{
		{"the first", nil, 0},
		{"the next, at once", []storedKey{at("current", 0, 0)}, 30 * day},
		{"the next, when it was missing for some time", []storedKey{at("current", -10*day, 0)}, 20 * day},
		{"the next, when it should sign already", []storedKey{at("current", -40*day, 0)}, keyLead},
		{"the next, when it should sign in a minute", []storedKey{at("current", time.Minute-30*day, 0)}, keyLead},
		{"one of a new algorithm", []storedKey{with(at("old", -day, 0), eddsa), with(at("old next", 29*day, 0), eddsa)}, keyLead},
		{"none when there is a next one", []storedKey{at("current", -day, 0), at("next", 29*day, 0)}, none},
		{"none while four are published", []storedKey{at("a", -30*day, day), at("b", -2*day, day), at("c", -day, day), at("current", 0, 0)}, none},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			signsFrom, wanted := monthly.wanted(storedKeys{tt.keys}, now)
			if wanted != (tt.in != none) {
				t.Fatalf("a key is wanted: %v", wanted)
			}
			if wanted && !signsFrom.Equal(now.Add(tt.in)) {
				t.Errorf("it takes over in %v, not in %v", signsFrom.Sub(now), tt.in)
			}
			if due := monthly.due(storedKeys{tt.keys}, now); !due && wanted {
				t.Error("nothing is due")
			}
		})
	}
}

func TestOperatorsChangeKeys(t *testing.T) {
	t.Parallel()
	young := func(signsFrom time.Duration) storedKey {
		return with(at("next", signsFrom, 0), func(k *storedKey) { k.CreatedAt = now.Add(-10 * time.Minute) })
	}
	for _, tt := range []struct {
		name string
		keys []storedKey
		drop []string // nothing rotates
		want string   // the keys and when they sign, in the order of that
	}{
		{"rotate", []storedKey{at("current", -day, 0), at("next", 29*day, 0)}, nil, "current -24h0m0s next 0s made 720h0m0s"},
		{"rotate to a young key", []storedKey{at("current", -day, 0), young(29 * day)}, nil, "current -24h0m0s next 20m0s"},
		{"rotate to none", []storedKey{at("current", -day, 0)}, nil, "current -24h0m0s made 30m0s"},
		{"drop the current key", []storedKey{at("current", -day, 0), at("next", 29*day, 0)}, []string{"current"}, "next 0s made 720h0m0s"},
		{"drop the current key, with a young next one", []storedKey{at("current", -day, 0), young(29 * day)}, []string{"current"}, "next 0s made 720h0m0s"},
		{"drop the current key, with a previous one", []storedKey{at("previous", -2*day, time.Hour), at("current", -day, 0), young(29 * day)}, []string{"current"}, "previous -48h0m0s next 0s made 720h0m0s"},
		{"drop the next key", []storedKey{at("current", -day, 0), at("next", 29*day, 0)}, []string{"next"}, "current -24h0m0s made 696h0m0s"},
		{"drop a previous key", []storedKey{at("previous", -2*day, time.Hour), at("current", -day, 0), at("next", 29*day, 0)}, []string{"previous"}, "current -24h0m0s next 696h0m0s"},
		{"drop all", []storedKey{at("previous", -2*day, time.Hour), at("current", -day, 0), at("next", 29*day, 0)}, []string{"all"}, "made 0s made 720h0m0s"},
		{"drop several", []storedKey{at("current", -day, 0), at("next", 29*day, 0)}, []string{"next", "current"}, "made 0s made 720h0m0s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			store := keysIn(nil)
			change := store.rotated
			if tt.drop != nil {
				change = func(stored storedKeys) (storedKeys, error) { return store.dropped(stored, tt.drop) }
			}
			changed, err := change(storedKeys{tt.keys})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, inOrder(changed)); diff != "" {
				t.Errorf("the keys sign (-want +got):\n%s", diff)
			}
		})
	}
}

// inOrder names keys and when they take over.
func inOrder(stored storedKeys) string {
	var order []string
	for _, key := range sorted(stored.Keys) {
		name := key.ID
		if key.PrivateKey != "" {
			name = "made"
		}
		order = append(order, name, key.SignsFrom.Sub(now).String())
	}
	return strings.Join(order, " ")
}

func TestOperatorsAreRefused(t *testing.T) {
	t.Parallel()
	store := keysIn(nil)
	if _, err := store.rotated(storedKeys{}); !errors.Is(err, errNoStoredKeys) {
		t.Errorf("rotating nothing: %v", err)
	}
	if _, err := store.dropped(storedKeys{}, []string{"all"}); !errors.Is(err, errNoStoredKeys) {
		t.Errorf("dropping nothing: %v", err)
	}
	keys := storedKeys{[]storedKey{at("a", -2*day, time.Hour), at("b", -day, day), at("current", 0, 0), at("next", 30*day, 0)}}
	if _, err := store.dropped(keys, []string{"a", "c"}); err == nil || !strings.Contains(err.Error(), `no key has the kid "c"`) {
		t.Errorf("dropping a key that is not there: %v", err)
	}
	if _, err := store.rotated(keys); !errors.Is(err, errRotatedOften) {
		t.Errorf("rotating again and again: %v", err)
	}
}
