package token_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

func TestJWKSHasPublicMembersOnly(t *testing.T) {
	t.Parallel()
	ec, ed, rsa := newKey(t, token.ES256), newKey(t, token.EdDSA), newKey(t, token.RS256)
	inForce := keystest.Of(t, ec, ed, rsa)
	var published struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(inForce.KeySet().JWKS(), &published); err != nil {
		t.Fatal(err)
	}
	members := map[string][]string{
		"EC":  {"alg", "crv", "kid", "kty", "use", "x", "y"},
		"OKP": {"alg", "crv", "kid", "kty", "use", "x"},
		"RSA": {"alg", "e", "kid", "kty", "n", "use"},
	}
	kinds := map[string]*token.Key{"EC": ec, "OKP": ed, "RSA": rsa}
	var ids []string
	for _, jwk := range published.Keys {
		key := kinds[jwk["kty"]]
		var names []string
		for name := range jwk {
			names = append(names, name)
		}
		slices.Sort(names)
		if diff := cmp.Diff(members[jwk["kty"]], names); diff != "" {
			t.Errorf("%s (-want +got):\n%s", jwk["kty"], diff)
		}
		if jwk["kid"] != key.ID() || jwk["alg"] != string(key.Algorithm()) || jwk["use"] != "sig" {
			t.Errorf("%s: %v", jwk["kty"], jwk)
		}
		ids = append(ids, jwk["kid"])
	}
	if len(ids) != 3 || !slices.IsSorted(ids) {
		t.Errorf("keys: %v", ids)
	}
}

func TestJWKSIsTheSameOnEveryReplica(t *testing.T) {
	t.Parallel()
	a, b, c := newKey(t, token.ES256), newKey(t, token.ES256), newKey(t, token.EdDSA)
	one, two, less := keystest.Of(t, a, b, c).KeySet(), keystest.Of(t, c, a, b).KeySet(), keystest.Of(t, a, b).KeySet()
	if string(one.JWKS()) != string(two.JWKS()) || one.ETag() != two.ETag() {
		t.Error("the same keys are published differently")
	}
	if one.ETag() == less.ETag() {
		t.Error("other keys have the same ETag")
	}
	if tag := one.ETag(); !strings.HasPrefix(tag, `"`) || !strings.HasSuffix(tag, `"`) || strings.Count(tag, `"`) != 2 {
		t.Errorf("not a strong ETag: %s", tag)
	}
	if one.Current() != a || two.Current() != c {
		t.Error("the wrong key signs")
	}
}

func TestNewKeySetRefuses(t *testing.T) {
	t.Parallel()
	key := newKey(t, token.ES256)
	text, err := key.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	again, err := token.ParseKey(text, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name    string
		current *token.Key
		others  []*token.Key
		wantErr error
	}{
		{"no key that signs", nil, []*token.Key{key}, token.ErrNoKeys},
		{"a key that is nil", key, []*token.Key{nil}, token.ErrNoKeys},
		{"the same key", key, []*token.Key{key}, token.ErrDuplicateKey},
		{"the same key from its file", key, []*token.Key{again}, token.ErrDuplicateKey},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if _, err := token.NewKeySet(row.current, row.others...); !errors.Is(err, row.wantErr) {
				t.Errorf("got %v, want %v", err, row.wantErr)
			}
		})
	}
}

// TestRotation follows a token through the life of its key: next, current, previous, removed. Claims that were verified
// before are as good as their token is.
func TestRotation(t *testing.T) {
	t.Parallel()
	first, second, third := newKey(t, token.ES256), newKey(t, token.EdDSA), newKey(t, token.ES256)
	inForce := keystest.Of(t, first, second)
	authority := newAuthority(t, config(), inForce)
	sets := []*token.KeySet{
		keystest.Of(t, first, second).KeySet(), keystest.Of(t, second, first, third).KeySet(), keystest.Of(t, third, second).KeySet(),
	}
	var issued []string
	kept := make(map[string]*token.Claims)
	for _, set := range sets {
		inForce.Set(set)
		raw := issueAccess(t, authority)
		claims, err := authority.VerifyAccess(raw)
		if err != nil {
			t.Fatal(err)
		}
		issued, kept[raw] = append(issued, raw), claims
	}
	for _, row := range []struct {
		name    string
		set     *token.KeySet
		raw     string
		wantErr error
	}{
		{"by the current key", sets[0], issued[0], nil},
		{"by the next key, as a replica that rotated first signs", sets[0], issued[1], nil},
		{"by the previous key", sets[1], issued[0], nil},
		{"by a key that was removed", sets[2], issued[0], token.ErrUnknownKey},
		{"by a key that is not published yet", sets[0], issued[2], token.ErrUnknownKey},
		{"after all keys are taken away", nil, issued[0], token.ErrNoKeys},
		{"after they came back", sets[0], issued[0], nil},
	} {
		inForce.Set(row.set)
		if _, err := authority.VerifyAccess(row.raw); !errors.Is(err, row.wantErr) {
			t.Errorf("%s: got %v, want %v", row.name, err, row.wantErr)
		}
		if err := authority.Recheck(kept[row.raw]); !errors.Is(err, row.wantErr) {
			t.Errorf("%s, kept: got %v, want %v", row.name, err, row.wantErr)
		}
	}
}

// TestRotationUnderLoad rotates as fast as it can while others issue and verify: no good token is ever refused.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	a, b := newKey(t, token.EdDSA), newKey(t, token.ES256)
	sets := []*token.KeySet{keystest.Of(t, a, b).KeySet(), keystest.Of(t, b, a).KeySet()}
	inForce := new(token.Keys)
	inForce.Set(sets[0])
	authority := newAuthority(t, config(), inForce)
	done := make(chan struct{})
	var rotating, working sync.WaitGroup
	rotating.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
				inForce.Set(sets[i%2])
			}
		}
	})
	for range 4 {
		working.Go(func() {
			for range 200 {
				raw, issued, err := authority.IssueAccess(person())
				if err != nil {
					t.Error(err)
					return
				}
				verified, err := authority.VerifyAccess(raw)
				if err != nil {
					t.Error(err)
					return
				}
				if verified.KeyID != issued.KeyID {
					t.Errorf("signed by %s, verified by %s", issued.KeyID, verified.KeyID)
				}
			}
		})
	}
	working.Wait()
	close(done)
	rotating.Wait()
}
