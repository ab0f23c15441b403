package redis

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/caddy-itsme/caddy-itsme/store"
)

func TestEncodedRevocationIsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := store.Revocation{
			Scope: store.Scope(rapid.Uint8().Draw(t, "scope")),
			ID:    rapid.String().Draw(t, "ID"),
			Until: time.Unix(0, rapid.Int64().Draw(t, "until")).UTC(),
		}
		if issued := rapid.Int64Range(0, 1<<40).Draw(t, "issued until"); issued != 0 {
			v.IssuedUntil = time.Unix(issued, 0).UTC()
		}
		got, err := decodeRevocation(encodeRevocation(v))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(v, got); diff != "" {
			t.Errorf("decoded revocation differs (-encoded +decoded):\n%s", diff)
		}
	})
	for _, data := range []string{"", "\x01", "\x01\x00", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		if v, err := decodeRevocation([]byte(data)); !errors.Is(err, ErrUnreadable) {
			t.Errorf("decoding %q: %+v, %v, want %v", data, v, err, ErrUnreadable)
		}
	}
}

// TestRevocationIsFoundAgain: Redis keeps at least what a replica waits to find there. Otherwise the replica takes the
// revocation for lost, writes it back for ever, and replicas that start wait for that.
func TestRevocationIsFoundAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := func(name string) time.Time { return time.Unix(0, rapid.Int64Range(1, 1<<62).Draw(t, name)) }
		r := revocations{connection: &connection{config: Config{Staleness: time.Duration(rapid.Int64Range(0, int64(5*time.Minute)).Draw(t, "staleness"))}}}
		v := store.Revocation{Scope: store.ScopeSubject, ID: "a", Until: at("until")}
		if rapid.Bool().Draw(t, "by issue") {
			v.IssuedUntil = at("issued until")
		}
		v = r.extend(v)
		kept, err := decodeRevocation(encodeRevocation(v))
		if err != nil || !includes(kept, v) {
			t.Errorf("%+v is kept as %+v, %v", v, kept, err)
		}
	})
}
