package thirdparty_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/gatewaytest"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestOthersLogInWithAKey has the client libraries of others log in with a key, call the upstream, ask userinfo and
// refresh, with a gateway that demands a nonce and with one that does not.
func TestOthersLogInWithAKey(t *testing.T) {
	t.Parallel()
	requireNode(t)
	for _, library := range []string{"dpop", "oauth4webapi", "openid-client"} {
		for _, nonce := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, nonce %t", library, nonce), func(t *testing.T) {
				t.Parallel()
				front := gatewaytest.Start(t, gateway.Config{
					Attributes: []string{"name"}, Keys: keystest.New(t, token.DefaultAlgorithm),
					Token: gateway.TokenConfig{DPoP: gateway.DPoPRequired, DPoPNonce: nonce, Refresh: 24 * time.Hour},
				})
				got := logInWithAKey(t, front, library)
				want := map[string]any{"token_type": "dpop", "refreshed_type": "dpop", "same_refresh_token": true, "sub": front.Signicat.Personas()[0].SubjectID}
				for name, value := range want {
					if got[name] != value {
						t.Errorf("%s is %v, want %v", name, got[name], value)
					}
				}
				if asked, _ := got["nonces"].(float64); (asked > 0) != nonce {
					t.Errorf("%v calls were repeated with a nonce", got["nonces"])
				}
				if got["called"] == "" || got["called"] != got["again"] {
					t.Errorf("the upstream answers %v, and after the refresh %v", got["called"], got["again"])
				}
			})
		}
	}
}

func logInWithAKey(t *testing.T, front *logintest.Env, library string) map[string]any {
	t.Helper()
	node := exec.CommandContext(t.Context(), "node", "dpop.mjs", library, front.URL)
	node.Dir = filepath.Join("..", "node")
	var stderr bytes.Buffer
	node.Stderr = &stderr
	in, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	back, approved := front.Signicat.Approve(lines.Text(), "adult")
	_, _ = fmt.Fprintln(in, back)
	lines.Scan()
	answer, read := readClaims(bytes.Clone(lines.Bytes()))
	if err := node.Wait(); err != nil || approved != nil || read != nil {
		t.Fatalf("%v, %v, %v: %s", err, approved, read, bytes.TrimSpace(stderr.Bytes()))
	}
	return answer
}
