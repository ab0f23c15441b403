package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// TestNoTokenIsRefusedWhileTheReplicasRotateKeys has users log in and call through both replicas while the
// next key takes over. A key signs half an hour after it was made, so the replicas start with keys of that
// age.
func TestNoTokenIsRefusedWhileTheReplicasRotateKeys(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	before := e.NewApp().Login(t, "adult")
	e.kill(0)
	e.kill(1)
	takeover := time.Now().Add(12 * time.Second)
	e.ageKeys(t, takeover)
	e.startReplicas(t)
	published := e.jwks(t) // what a service that keeps the JWKS has before the rotation

	tokens := &issuedTokens{signedBy: make(map[string]int)}
	tokens.add(before)
	var calls, refused atomic.Int64
	var clients sync.WaitGroup
	rotated := make(chan struct{})
	for range 2 {
		clients.Go(func() {
			for running := true; running; {
				select {
				case <-rotated:
					running = false
				default:
				}
				for _, token := range tokens.latest() {
					calls.Add(1)
					if got := e.NewApp().Call(t, "/api", token); got.Status != http.StatusOK {
						refused.Add(1)
						t.Errorf("a valid token: %d %s", got.Status, got.Body)
					}
				}
			}
		})
	}
	for deadline := takeover.Add(time.Minute); tokens.afterRotation() < 20; {
		if time.Now().After(deadline) {
			t.Error("the next key did not take over")
			break
		}
		tokens.add(e.NewApp().Login(t, "adult"))
	}
	close(rotated)
	clients.Wait()
	for kid, n := range tokens.signedBy {
		if len(published.Key(kid)) != 1 {
			t.Errorf("%d tokens are signed by %s, which was not published before", n, kid)
		}
	}
	t.Logf("%d calls with tokens of %d keys, %d refused", calls.Load(), len(tokens.signedBy), refused.Load())
}

// ageKeys moves the times of all keys so that the next one takes over at a given time. It does so in
// the copies, and counts the change as the newest, so that the replicas put it into Redis when they start.
func (e *env) ageKeys(t *testing.T, takeover time.Time) {
	t.Helper()
	file := func(storage string) string { return filepath.Join(storage, "itsme", "default", "keys.json") }
	data, err := os.ReadFile(file(e.replicas[0].storage))
	if err != nil {
		t.Fatal(err)
	}
	var stored struct {
		Lineage  string           `json:"lineage"`
		BeganAt  string           `json:"began_at"`
		Revision int              `json:"revision"`
		Store    string           `json:"store"`
		Keys     []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(data, &stored); err != nil {
		t.Fatal(err)
	}
	stored.Revision++
	timeOf := func(key map[string]any, name string) time.Time {
		text, _ := key[name].(string)
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return at
	}
	var next time.Time
	for _, key := range stored.Keys {
		if from := timeOf(key, "signs_from"); from.After(next) {
			next = from
		}
	}
	if len(stored.Keys) != 2 || !next.After(time.Now()) {
		t.Fatalf("there are %d keys, the last of which signs from %s", len(stored.Keys), next)
	}
	for _, key := range stored.Keys {
		for _, name := range []string{"created_at", "signs_from"} {
			key[name] = timeOf(key, name).Add(takeover.Sub(next)).UTC().Truncate(time.Second)
		}
	}
	if data, err = json.Marshal(stored); err != nil {
		t.Fatal(err)
	}
	for _, r := range e.replicas {
		if err := os.WriteFile(file(r.storage), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (e *env) jwks(t *testing.T) (keys jose.JSONWebKeySet) {
	t.Helper()
	answer, err := http.Get(e.URL + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&keys); err != nil {
		t.Fatal(err)
	}
	return keys
}

// issuedTokens holds issued tokens, and counts them by key.
type issuedTokens struct {
	mu       sync.Mutex
	all      []string
	first    string // the kid of the first one
	signedBy map[string]int
}

func (i *issuedTokens) add(token string) {
	kid := keyID(token)
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.all) == 0 {
		i.first = kid
	}
	i.all = append(i.all, token)
	i.signedBy[kid]++
}

// latest returns the first token and the last few.
func (i *issuedTokens) latest() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]string{i.all[0]}, i.all[max(0, len(i.all)-8):]...)
}

// afterRotation returns how many tokens were signed by other keys than the first.
func (i *issuedTokens) afterRotation() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.all) - i.signedBy[i.first]
}

// keyID returns the ID of the key that signed a token. It is empty for a text that is no token.
func keyID(token string) string {
	head, _, _ := strings.Cut(token, ".")
	text, _ := base64.RawURLEncoding.DecodeString(head)
	var header struct {
		KeyID string `json:"kid"`
	}
	_ = json.Unmarshal(text, &header)
	return header.KeyID
}
