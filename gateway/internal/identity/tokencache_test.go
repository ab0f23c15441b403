package identity

import (
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

// credentialsOf returns the credentials of n verified tokens.
func credentialsOf(t testing.TB, n int, attributes map[string]any) []*Credential {
	t.Helper()
	const url = "https://app.example.be"
	authority, err := token.NewAuthority(token.Config{
		Issuer: url, Audience: []string{url}, ClientID: "app.example.be", SessionAudience: url + "/itsme",
		Lifetime: time.Hour, SessionLifetime: time.Hour,
	}, keystest.New(t, token.EdDSA))
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
	return credentials
}

func TestVerifiedTokensAreBounded(t *testing.T) {
	t.Parallel()
	const most = 1000
	small := credentialsOf(t, 1, nil)[0]
	large := credentialsOf(t, 1, map[string]any{"name": strings.Repeat("n", 4000)})[0]
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
	l := credentialsOf(t, 1, nil)[0]
	long := strings.Repeat("a", maxCachedToken+1)
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
	const n = 1000
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
		before := live()
		v := newTokenCache(n, 1<<30)
		var weight uint64
		for i, l := range credentialsOf(t, n, attributes) {
			v.keep(keyOf(store.App, strconv.Itoa(i)), l)
			weight = l.weight()
		}
		got := (live() - before) / n
		runtime.KeepAlive(v)
		t.Logf("%s: %d bytes, weight %d", name, got, weight)
		if got > weight || got < weight/2 {
			t.Errorf("%s: a login takes %d bytes and weighs %d", name, got, weight)
		}
	}
}

func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
