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
