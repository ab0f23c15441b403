package seal

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func newTestSealer(t testing.TB, prefix string, secrets ...string) *Sealer {
	t.Helper()
	all := make([][]byte, len(secrets))
	for i, secret := range secrets {
		all[i] = []byte(secret)
	}
	s, err := New(prefix, all...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealedOpensInItsPlaceOnly(t *testing.T) {
	t.Parallel()
	ours := newTestSealer(t, "prefix", "secret")
	at := Place{Key: "key", Name: "name", Version: 1}
	value := []byte("value")
	sealed := ours.Seal(at, value)
	if again := ours.Seal(at, value); again == sealed {
		t.Error("the same value is sealed the same way twice")
	}
	for name, row := range map[string]struct {
		sealer *Sealer
		at     Place
		sealed string
		want   error
	}{
		"in its place":       {ours, at, sealed, nil},
		"another key":        {ours, Place{Key: "other", Name: "name", Version: 1}, sealed, ErrUnreadable},
		"another name":       {ours, Place{Key: "key", Name: "other", Version: 1}, sealed, ErrUnreadable},
		"another version":    {ours, Place{Key: "key", Name: "name", Version: 2}, sealed, ErrUnreadable},
		"shifted key":        {ours, Place{Key: "keyn", Name: "ame", Version: 1}, sealed, ErrUnreadable},
		"another secret":     {newTestSealer(t, "prefix", "other"), at, sealed, ErrUnreadable},
		"another gateway":    {newTestSealer(t, "other", "secret"), at, sealed, ErrUnreadable},
		"the same elsewhere": {newTestSealer(t, "prefix", "secret"), at, sealed, nil},
		"nothing":            {ours, at, "", ErrUnreadable},
		"only a head":        {ours, at, sealed[:HeadSize], ErrUnreadable},
	} {
		got, err := row.sealer.Open(row.at, row.sealed)
		if !errors.Is(err, row.want) || err == nil && !bytes.Equal(got, value) {
			t.Errorf("%s: %q, %v, want %v", name, got, err, row.want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	s := newTestSealer(t, "prefix", "secret")
	seen := make(map[string]string)
	for what, name := range map[string]string{
		"a client":                     s.Name("client", "192.0.2.1"),
		"another client":               s.Name("client", "192.0.2.2"),
		"the same text as a counter":   s.Name("counter", "192.0.2.1"),
		"the same of another gateway":  newTestSealer(t, "other", "secret").Name("client", "192.0.2.1"),
		"the same with another secret": newTestSealer(t, "prefix", "other").Name("client", "192.0.2.1"),
		"nothing":                      s.Name("client", ""),
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

// TestSecretIsChanged: values are sealed with the first secret, and open with both. Names stay when their key
// is handed on.
func TestSecretIsChanged(t *testing.T) {
	t.Parallel()
	at := Place{Key: "key", Version: 1}
	before := newTestSealer(t, "prefix", "old")
	between := newTestSealer(t, "prefix", "new", "old")
	after := newTestSealer(t, "prefix", "new")
	sealed := before.Seal(at, []byte("value"))
	if between.Current(sealed) || !before.Current(sealed) {
		t.Error("a value of the old secret counts as one of the new one")
	}
	anew, err := between.Anew(at, sealed)
	if err != nil || !between.Current(anew) || Head(anew) != Head(sealed) {
		t.Fatalf("sealed anew: current %t, head stays %t, %v", between.Current(anew), Head(anew) == Head(sealed), err)
	}
	for name, row := range map[string]struct {
		sealer *Sealer
		sealed string
		want   error
	}{
		"the old one, with the old secret":        {before, sealed, nil},
		"the old one, with both":                  {between, sealed, nil},
		"the old one, with the new secret":        {after, sealed, ErrUnreadable},
		"the new one, with the old secret":        {before, anew, ErrUnreadable},
		"the new one, with both":                  {between, anew, nil},
		"the new one, with the new secret":        {after, anew, nil},
		"the old one, that claims the new secret": {between, anew[:4] + sealed[4:], ErrUnreadable},
		"the old one, that claims another secret": {between, "\x00\x00\x00\x00" + sealed[4:], ErrUnreadable},
	} {
		if got, err := row.sealer.Open(at, row.sealed); !errors.Is(err, row.want) || err == nil && string(got) != "value" {
			t.Errorf("%s: %q, %v, want %v", name, got, err, row.want)
		}
	}
	if _, err := between.Anew(Place{Key: "other", Version: 1}, sealed); !errors.Is(err, ErrUnreadable) {
		t.Errorf("sealed anew in another place: %v", err)
	}
	if before.Name("client", "a") == after.Name("client", "a") {
		t.Error("two secrets have the same names")
	}
	after.UseNames(before.Names())
	if before.Name("client", "a") != after.Name("client", "a") {
		t.Error("the names differ that have one key")
	}
	if IDs := newTestSealer(t, "other", "old").IDs(); IDs[0] == before.IDs()[0] {
		t.Error("one secret has the same ID under two prefixes")
	}
}

// TestShortTextsAreRefused: an attacker who writes to Redis cuts values.
func TestShortTextsAreRefused(t *testing.T) {
	t.Parallel()
	s := newTestSealer(t, "prefix", "secret")
	at := Place{Key: "key"}
	sealed := s.Seal(at, nil)
	for n := range len(sealed) {
		if _, err := s.Open(at, sealed[:n]); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if _, err := s.Anew(at, sealed[:n]); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%d bytes sealed anew: %v", n, err)
		}
		_ = Head(sealed[:n])
	}
}
