package caddymodule_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/dpoptest"
)

// storedConfig is a gateway that keeps its key in Caddy's storage.
const storedConfig = `{
	itsme {
		public_url http://{{addr}}
		signicat {
			client_id     sandbox-healthy-hat-239
			client_secret "the secret"
			api_url       http://127.0.0.1:1
		}
		attributes name
	}
}
http://{{addr}} {
	itsme
	respond ok
}`

func keysFile(server *caddytest.Server) string {
	return filepath.Join(server.Storage(), "itsme", "default", "keys.json")
}

// storedKey is the key that a new gateway signs with, in PEM.
func storedKey(t *testing.T, server *caddytest.Server) []byte {
	t.Helper()
	stored := storedKeys(t, server)
	if len(stored) != 2 { // the current and the next
		t.Fatalf("%d keys are stored", len(stored))
	}
	return []byte(stored[0].PrivateKey)
}

// signingKey is a key of that ID, in PEM.
func signingKey(t *testing.T, server *caddytest.Server, id string) []byte {
	t.Helper()
	for _, key := range storedKeys(t, server) {
		if key.ID == id {
			return []byte(key.PrivateKey)
		}
	}
	t.Fatalf("the key %s is not stored", id)
	return nil
}

type keyInStorage struct {
	ID         string `json:"kid"`
	PrivateKey string `json:"private_key"`
}

func storedKeys(t *testing.T, server *caddytest.Server) []keyInStorage {
	t.Helper()
	data, err := os.ReadFile(keysFile(server))
	if err != nil {
		t.Fatal(err)
	}
	var stored struct {
		Keys []keyInStorage `json:"keys"`
	}
	if err := json.Unmarshal(data, &stored); err != nil {
		t.Fatal(err)
	}
	return stored.Keys
}

// TestReloadRefusesNoToken presents a token while configurations replace each other. Caddy starts apps in any
// order: requests may arrive before the app itsme has started.
func TestReloadRefusesNoToken(t *testing.T) {
	s := caddytest.Run(t, storedConfig)
	raw := accessToken(t, s, storedKey(t, s))
	var done atomic.Bool
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for answered := 0; !done.Load() || answered == 0; {
				status, err := present(t, s, raw)
				if err != nil {
					continue // Caddy may close a connection that comes while it reloads
				}
				if answered++; status != http.StatusOK {
					t.Errorf("a valid token got %d", status)
					return
				}
			}
		})
	}
	for range 10 {
		if err := s.Reload(storedConfig); err != nil {
			t.Errorf("reloading: %v", err)
		}
	}
	done.Store(true)
	clients.Wait()
	if n := strings.Count(s.Log(), "made a signing key"); n != 2 { // the current and the next
		t.Errorf("%d signing keys were made", n)
	}
}

func present(t *testing.T, s *caddytest.Server, raw string) (status int, err error) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+raw)
	answer, err := s.Client.Do(r)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// TestReloadThatFailsKeepsTheGateway loads a configuration that is refused, and one of which another app
// cannot start.
func TestReloadThatFailsKeepsTheGateway(t *testing.T) {
	s := site{Server: caddytest.Run(t, storedConfig), t: t}
	raw := accessToken(t, s.Server, storedKey(t, s.Server))
	for name, config := range map[string]string{
		"refused":     strings.Replace(storedConfig, "attributes name", "attributes shoeSize", 1),
		"not started": storedConfig + "\nhttp://192.0.2.1:1 {\nbind 192.0.2.1\nrespond never\n}",
	} {
		if err := s.Reload(config); err == nil {
			t.Errorf("the configuration that is to be %s loads", name)
		}
		s.want(http.StatusOK, "ok", "/", "Authorization", "Bearer "+raw)
	}
}

// TestDamagedKeysKeepTheGateway reloads when the stored keys are damaged.
func TestDamagedKeysKeepTheGateway(t *testing.T) {
	s := site{Server: caddytest.Run(t, storedConfig), t: t}
	raw := accessToken(t, s.Server, storedKey(t, s.Server))
	if err := os.WriteFile(keysFile(s.Server), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	const want = "gateway default: token key: reading itsme/default/keys.json in storage: stored keys are damaged; restore it"
	if err := s.Reload(storedConfig); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the error is %v", err)
	}
	s.want(http.StatusOK, "ok", "/", "Authorization", "Bearer "+raw)
}

func TestMemoryStoreSaysThatItServesOneReplica(t *testing.T) {
	s := caddytest.Run(t, storedConfig)
	if !strings.Contains(s.Log(), "run one replica only") {
		t.Error("the log lacks the warning")
	}
}

// TestStopLeavesNoGoroutine runs, reloads and stops.
func TestStopLeavesNoGoroutine(t *testing.T) {
	t.Run("run", func(t *testing.T) {
		s := caddytest.Run(t, storedConfig)
		for range 3 {
			if err := s.Reload(storedConfig); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n := leftGoroutines(); n != "" {
		t.Errorf("goroutines are left:\n%s", n)
	}
}

// leftGoroutines returns ourGoroutines after giving finished ones time to end.
func leftGoroutines() (left string) {
	patience := time.Now().Add(10 * time.Second)
	for left = ourGoroutines(); left != "" && time.Now().Before(patience); left = ourGoroutines() {
		runtime.Gosched()
	}
	return left
}

// ourGoroutines returns the stacks of goroutines that run this project's code, without tests.
func ourGoroutines() string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var ours []string
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(stack, "caddy-itsme/") && !strings.Contains(stack, "_test.") {
			ours = append(ours, stack)
		}
	}
	return strings.Join(ours, "\n\n")
}

// TestReloadForgetsNoProof: an attacker who saw a proof repeats it just after a configuration replaced another.
func TestReloadForgetsNoProof(t *testing.T) {
	s := site{t: t, Server: caddytest.Run(t, storedConfig)}
	client := dpoptest.NewKey(t)
	raw := boundToken(t, s.Server, storedKey(t, s.Server), client.Thumbprint())
	proof := client.Sign(t, dpoptest.Proof{Method: http.MethodGet, URL: s.URL + "/", Token: raw})
	s.want(http.StatusOK, "ok", "/", "Authorization", "DPoP "+raw, "DPoP", proof)
	if err := s.Reload(strings.Replace(storedConfig, "respond ok", "respond again", 1)); err != nil {
		t.Fatal(err)
	}
	if status, _ := s.get("/", "Authorization", "DPoP "+raw, "DPoP", proof); status != http.StatusUnauthorized {
		t.Errorf("the proof passes again: %d", status)
	}
	proof = client.Sign(t, dpoptest.Proof{Method: http.MethodGet, URL: s.URL + "/", Token: raw})
	s.want(http.StatusOK, "again", "/", "Authorization", "DPoP "+raw, "DPoP", proof)
}
