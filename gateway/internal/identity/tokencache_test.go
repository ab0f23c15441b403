package identity

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// credentialsOf returns a guard, and the credentials of n verified tokens.
func credentialsOf(t testing.TB, n int, attributes map[string]any) (*Guard, []*Credential) {
	t.Helper()
	const url = "https://app.example.be"
	keys := keystest.New(t, token.EdDSA)
	authority, err := token.NewAuthority(token.Config{
		Issuer: url, Audience: []string{url}, ClientID: "app.example.be", SessionAudience: url + "/itsme",
		Lifetime: time.Hour, SessionLifetime: time.Hour,
	}, keys)
	if err != nil {
		t.Fatal(err)
	}
	credentials, upstreamClaims := make([]*Credential, n), []string{"sub", "acr", "auth_time", "name"}
	for i := range credentials {
		raw, _, err := authority.IssueAccess(token.Claims{
			Subject: fmt.Sprintf("%032d", i), AuthTime: time.Now(), ACR: "substantial", Attributes: attributes,
		})
		if err != nil {
			t.Fatal(err)
		}
		claims, err := authority.VerifyAccess(raw)
		if err != nil {
			t.Fatal(err)
		}
		credentials[i] = newCredential(store.App, claims, upstreamClaims)
	}
	return New(Config{
		Authority: authority, Keys: keys.KeySet, Claims: upstreamClaims, Now: time.Now,
		Revoked: func(context.Context, store.Credential) (bool, error) { return false, nil },
	}), credentials
}

// firstOf returns the credential of one verified token.
func firstOf(t testing.TB, attributes map[string]any) *Credential {
	t.Helper()
	_, credentials := credentialsOf(t, 1, attributes)
	return credentials[0]
}

func TestVerifiedTokensAreBounded(t *testing.T) {
	t.Parallel()
	const most = 1000
	small := firstOf(t, nil)
	large := firstOf(t, map[string]any{"name": strings.Repeat("n", 4000)})
	for name, row := range map[string]struct {
		credential *Credential
		want       int
	}{
		"small ones by their number": {small, most},
		"large ones by their size":   {large, most * 1000 / int(large.weight())},
	} {
		v := newTokenCache(most, most*1000)
		for i := range 5 * most {
			v.keep(keyOf(store.App, strconv.Itoa(i)), row.credential)
		}
		v.credentials.CleanUp()
		if n := v.credentials.EstimatedSize(); n > row.want || n < row.want/2 {
			t.Errorf("%s: %d are kept, want up to %d", name, n, row.want)
		}
	}
}

// TestKindsShareNoEntry caches a token as one kind and looks for it as the other. It also caches a token that
// is too long.
func TestKindsShareNoEntry(t *testing.T) {
	t.Parallel()
	v := newTokenCache(10, 10_000)
	l := firstOf(t, nil)
	long := strings.Repeat("a", token.MaxSize+1)
	v.keep(keyOf(store.App, "token"), l)
	v.keep(keyOf(store.App, long), l)
	for name, row := range map[string]struct {
		key  tokenKey
		want bool
	}{
		"the same":      {keyOf(store.App, "token"), true},
		"another kind":  {keyOf(store.Browser, "token"), false},
		"another token": {keyOf(store.App, "tokem"), false},
		"a long one":    {keyOf(store.App, long), false},
		"a longer one":  {keyOf(store.App, long+"a"), false},
	} {
		if _, ok := v.find(row.key); ok != row.want {
			t.Errorf("%s: found %t", name, ok)
		}
	}
}

// TestWeightIsNotUnderstated compares the heap of cached logins with their weight. It is not parallel: it
// measures the heap of the whole process.
func TestWeightIsNotUnderstated(t *testing.T) {
	five := map[string]any{
		"name": "Jan Peeters", "given_name": "Jan", "family_name": "Peeters", "birthdate": "1980-01-31",
		"address": map[string]any{"formatted": "Grote Markt 1\n1000 Brussel"},
	}
	twenty := make(map[string]any)
	for i := range 20 {
		twenty["claim_"+strconv.Itoa(i)] = "some text of a claim"
	}
	for name, attributes := range map[string]map[string]any{
		"no attribute": nil, "one": {"name": "Jan Peeters"}, "five": five,
		"twenty":       twenty,
		"not in ASCII": {"name": strings.Repeat("é", 300)},
	} {
		for _, upstreams := range []int{1, maxMinted} {
			t.Run(fmt.Sprintf("%s, %d upstreams", name, upstreams), func(t *testing.T) { testWeight(t, attributes, upstreams) })
		}
	}
}

func testWeight(t *testing.T, attributes map[string]any, upstreams int) {
	const n = 1000
	before := live()
	guard, credentials := credentialsOf(t, n, attributes)
	var weight uint64
	for i, c := range credentials {
		c.key = keyOf(store.App, strconv.Itoa(i))
		guard.cache.keep(c.key, c)
		for site := range upstreams {
			u := new(Upstream)
			u.SetAudience("https://service" + strconv.Itoa(site) + ".example.be")
			if _, err := guard.bearerFor(t.Context(), c, u); err != nil {
				t.Fatal(err)
			}
		}
		weight = c.weight()
	}
	clear(credentials)
	got := (live() - before) / n
	runtime.KeepAlive(guard)
	t.Logf("%d bytes, weight %d", got, weight)
	if got > weight || got < weight/2 {
		t.Errorf("a login takes %d bytes and weighs %d", got, weight)
	}
	guard.cache.credentials.CleanUp()
	if kept := guard.cache.credentials.WeightedSize(); kept < n*weight*9/10 {
		t.Errorf("the cache counts %d bytes for %d logins of %d", kept, n, weight)
	}
}

func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
