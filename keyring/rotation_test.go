package keyring

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/keyring/keyringtest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// monthly is a rotation of tokens that live for eight hours at most.
var monthly = Rotation{Algorithm: token.ES256, Every: 30 * day, Longest: 8 * time.Hour}

// at is a key without key material, and with tokens of eight hours.
func at(id string, signsFrom, verifiesUntil time.Duration) Key {
	key := Key{
		ID: id, Algorithm: token.ES256, CreatedAt: now.Add(signsFrom - monthly.Every), SignsFrom: now.Add(signsFrom),
		LongestSeconds: monthly.longestSeconds(),
	}
	if verifiesUntil != 0 {
		key.VerifiesUntil = now.Add(verifiesUntil)
	}
	return key
}

// with changes a key.
func with(key Key, change func(*Key)) Key {
	change(&key)
	return key
}

func eddsa(key *Key) { key.Algorithm = token.EdDSA }

func TestKeysSettle(t *testing.T) {
	t.Parallel()
	end := 8*time.Hour + Margin
	for _, tt := range []struct {
		name       string
		keys, want []Key
	}{
		{
			"nothing is due",
			[]Key{at("previous", -31*day, end), at("current", -day, 0), at("next", 29*day, 0)},
			[]Key{at("previous", -31*day, end), at("current", -day, 0), at("next", 29*day, 0)},
		}, {
			"the key before gets its end",
			[]Key{at("previous", -30*day, 0), at("current", 0, 0)},
			[]Key{at("previous", -30*day, end), at("current", 0, 0)},
		}, {
			"its end follows from the longest lifetime that it saw",
			[]Key{with(at("previous", -30*day, 0), func(k *Key) { k.LongestSeconds = 86400 }), at("current", 0, 0)},
			[]Key{with(at("previous", -30*day, 24*time.Hour+Margin), func(k *Key) { k.LongestSeconds = 86400 }), at("current", 0, 0)},
		}, {
			"a key goes when its last token has expired",
			[]Key{at("previous", -30*day, 0), at("current", 0, 0), at("expired", -31*day, -time.Second), at("expiring", -31*day, time.Second)},
			[]Key{at("previous", -30*day, end), at("current", 0, 0), at("expiring", -31*day, time.Second)},
		}, {
			"longer lifetimes are noted",
			[]Key{with(at("current", -day, 0), func(k *Key) { k.LongestSeconds = 60 }), at("next", 29*day, 0)},
			[]Key{at("current", -day, 0), at("next", 29*day, 0)},
		}, {
			"a shorter rotation brings the next key forward",
			[]Key{at("current", -40*day, 0), at("next", 10*day, 0)},
			[]Key{at("current", -40*day, 0), with(at("next", 10*day, 0), func(k *Key) { k.SignsFrom = now.Add(Lead) })},
		}, {
			"a key from the future signs when there is no other",
			[]Key{at("current", time.Minute, 0), at("next", 30*day, 0)},
			[]Key{with(at("current", time.Minute, 0), func(k *Key) { k.SignsFrom = now }), at("next", 30*day, 0)},
		}, {
			"another algorithm's keys go when they are replaced, and no earlier",
			[]Key{with(at("old", -day, 0), eddsa), with(at("old next", day, 0), eddsa), at("current", -time.Hour, 0)},
			[]Key{with(at("old", -day, 2*end), eddsa), with(at("old next", day, 0), eddsa), at("current", -time.Hour, 0)},
		}, {
			"another algorithm's key that still signs has no end",
			[]Key{with(at("old", -day, end+Margin-time.Second), eddsa), at("next", 20*time.Minute, 0)},
			[]Key{with(at("old", -day, 0), eddsa), at("next", 20*time.Minute, 0)},
		}, {
			"an end that others gave to a key that signs here is taken away in time",
			[]Key{at("current", -day, end+Margin-time.Second), with(at("theirs", -time.Hour, 2*end), eddsa)},
			[]Key{at("current", -day, 0), with(at("theirs", -time.Hour, 2*end), eddsa)},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			settled := monthly.settled(Set{Keys: tt.keys}, now)
			if diff := cmp.Diff(tt.want, settled.Keys); diff != "" {
				t.Errorf("settled keys (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(settled.Keys, monthly.settled(settled, now).Keys); diff != "" {
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
		keys []Key
		in   time.Duration // until the key that is made takes over
	}{
		{"the first", nil, 0},
		{"the next, at once", []Key{at("current", 0, 0)}, 30 * day},
		{"the next, when it was missing for some time", []Key{at("current", -10*day, 0)}, 20 * day},
		{"the next, when it should sign already", []Key{at("current", -40*day, 0)}, Lead},
		{"the next, when it should sign in a minute", []Key{at("current", time.Minute-30*day, 0)}, Lead},
		{"one of a new algorithm", []Key{with(at("old", -day, 0), eddsa), with(at("old next", 29*day, 0), eddsa)}, Lead},
		{"none when there is a next one", []Key{at("current", -day, 0), at("next", 29*day, 0)}, none},
		{"none while four are published", []Key{at("a", -30*day, day), at("b", -2*day, day), at("c", -day, day), at("current", 0, 0)}, none},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			signsFrom, wanted := monthly.wanted(Set{Keys: tt.keys}, now)
			if wanted != (tt.in != none) {
				t.Fatalf("a key is wanted: %v", wanted)
			}
			if wanted && !signsFrom.Equal(now.Add(tt.in)) {
				t.Errorf("it takes over in %v, not in %v", signsFrom.Sub(now), tt.in)
			}
			if due := monthly.due(Set{Keys: tt.keys}, now); !due && wanted {
				t.Error("nothing is due")
			}
		})
	}
}

func TestOperatorsChangeKeys(t *testing.T) {
	t.Parallel()
	young := func(signsFrom time.Duration) Key {
		return with(at("next", signsFrom, 0), func(k *Key) { k.CreatedAt = now.Add(-10 * time.Minute) })
	}
	for _, tt := range []struct {
		name string
		keys []Key
		drop []string // nothing rotates
		want string   // the keys and when they sign, in the order of that
	}{
		{"rotate", []Key{at("current", -day, 0), at("next", 29*day, 0)}, nil, "current -24h0m0s next 0s made 720h0m0s"},
		{"rotate to a young key", []Key{at("current", -day, 0), young(29 * day)}, nil, "current -24h0m0s next 20m0s"},
		{"rotate to none", []Key{at("current", -day, 0)}, nil, "current -24h0m0s made 30m0s"},
		{"drop the current key", []Key{at("current", -day, 0), at("next", 29*day, 0)}, []string{"current"}, "next 0s made 720h0m0s"},
		{"drop the current key, with a young next one", []Key{at("current", -day, 0), young(29 * day)}, []string{"current"}, "next 0s made 720h0m0s"},
		{"drop the current key, with a previous one", []Key{at("previous", -2*day, time.Hour), at("current", -day, 0), young(29 * day)}, []string{"current"}, "previous -48h0m0s next 0s made 720h0m0s"},
		{"drop the next key", []Key{at("current", -day, 0), at("next", 29*day, 0)}, []string{"next"}, "current -24h0m0s made 696h0m0s"},
		{"drop a previous key", []Key{at("previous", -2*day, time.Hour), at("current", -day, 0), at("next", 29*day, 0)}, []string{"previous"}, "current -24h0m0s next 696h0m0s"},
		{"drop all", []Key{at("previous", -2*day, time.Hour), at("current", -day, 0), at("next", 29*day, 0)}, []string{"previous", "current", "next"}, "made 0s made 720h0m0s"},
		{"drop several", []Key{at("current", -day, 0), at("next", 29*day, 0)}, []string{"next", "current"}, "made 0s made 720h0m0s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			keys := Set{Keys: tt.keys}
			changed, err := keys, error(nil)
			if tt.drop == nil {
				changed, err = monthly.rotated(keys, Owner{}, now)
			} else {
				changed, err = monthly.tended(monthly.without(keys, tt.drop, now), Owner{}, now)
			}
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
func inOrder(stored Set) string {
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
	if _, err := monthly.rotated(Set{}, Owner{}, now); !errors.Is(err, ErrNoKeys) {
		t.Errorf("rotating nothing: %v", err)
	}
	keys := Set{Keys: []Key{at("a", -2*day, time.Hour), at("b", -day, day), at("current", 0, 0), at("next", 30*day, 0)}}
	if _, err := monthly.rotated(keys, Owner{}, now); !errors.Is(err, ErrRotatedOften) {
		t.Errorf("rotating again and again: %v", err)
	}
	storage := new(keyringtest.Memory)
	if _, err := keysIn(storage).Drop(t.Context(), []string{EveryKey}); !errors.Is(err, ErrNoKeys) {
		t.Errorf("dropping nothing: %v", err)
	}
	started(t, keysIn(storage))
	before := storage.Get(KeysDocument)
	kid := read(t, keysIn(storage)).Set().Keys[0].ID
	if _, err := keysIn(storage).Drop(t.Context(), []string{kid, "c"}); !errors.Is(err, ErrNoSuchKey) || !strings.Contains(err.Error(), `no key has the kid "c"`) {
		t.Errorf("dropping a key that is not there: %v", err)
	}
	if !bytes.Equal(before, storage.Get(KeysDocument)) || storage.Get(DroppedDocument) != nil {
		t.Error("something was changed")
	}
}
