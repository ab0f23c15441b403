package redis

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/caddy-itsme/caddy-itsme/store"
)

func newTestSealer(t testing.TB, secret, prefix string) *sealer {
	t.Helper()
	s, err := newSealer([]byte(secret), prefix)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealedOpensInItsPlaceOnly(t *testing.T) {
	t.Parallel()
	ours := newTestSealer(t, "secret", "prefix")
	at := place{key: "key", name: "name", version: 1}
	value := []byte("value")
	sealed := ours.seal(at, value)
	if again := ours.seal(at, value); again == sealed {
		t.Error("the same value is sealed the same way twice")
	}
	for name, row := range map[string]struct {
		sealer *sealer
		at     place
		sealed string
		want   error
	}{
		"in its place":       {ours, at, sealed, nil},
		"another key":        {ours, place{key: "other", name: "name", version: 1}, sealed, ErrUnreadable},
		"another name":       {ours, place{key: "key", name: "other", version: 1}, sealed, ErrUnreadable},
		"another version":    {ours, place{key: "key", name: "name", version: 2}, sealed, ErrUnreadable},
		"shifted key":        {ours, place{key: "keyn", name: "ame", version: 1}, sealed, ErrUnreadable},
		"another secret":     {newTestSealer(t, "other", "prefix"), at, sealed, ErrUnreadable},
		"another gateway":    {newTestSealer(t, "secret", "other"), at, sealed, ErrUnreadable},
		"the same elsewhere": {newTestSealer(t, "secret", "prefix"), at, sealed, nil},
		"nothing":            {ours, at, "", ErrUnreadable},
		"only a nonce":       {ours, at, sealed[:24], ErrUnreadable},
	} {
		got, err := row.sealer.open(row.at, row.sealed)
		if !errors.Is(err, row.want) || err == nil && !bytes.Equal(got, value) {
			t.Errorf("%s: %q, %v, want %v", name, got, err, row.want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	s := newTestSealer(t, "secret", "prefix")
	seen := make(map[string]string)
	for what, name := range map[string]string{
		"a client":                     s.name(clientName, "192.0.2.1"),
		"another client":               s.name(clientName, "192.0.2.2"),
		"the same text as a counter":   s.name(counterName, "192.0.2.1"),
		"the same of another gateway":  newTestSealer(t, "secret", "other").name(clientName, "192.0.2.1"),
		"the same with another secret": newTestSealer(t, "other", "prefix").name(clientName, "192.0.2.1"),
		"nothing":                      s.name(clientName, ""),
	} {
		if other, ok := seen[name]; ok {
			t.Errorf("%s has the name of %s", what, other)
		}
		seen[name] = what
		if len(name) != 22 || strings.Contains(name, " ") {
			t.Errorf("%s has the name %q, which ledger.lua cannot use", what, name)
		}
	}
}

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

// TestErrorsTellNoPassword: a server in between may answer with what it was sent.
func TestErrorsTellNoPassword(t *testing.T) {
	t.Parallel()
	s := &connection{config: Config{Password: "hunter2"}}
	for sent, want := range map[string]string{
		"ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'me' 'hunter2'": "ERR unknown command 'HELLO'",
		"ERR cannot AUTH me hunter2 here":                                                  "ERR cannot AUTH me *** here",
		"dial tcp: connection refused":                                                     "dial tcp: connection refused",
	} {
		if got := s.plain(errors.New(sent)); got != want {
			t.Errorf("plain = %q, want %q", got, want)
		}
	}
}
