package thirdparty_test

import (
	"bytes"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/gatewaytest"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/test/internal/apitest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestOthersAskAboutOurTokens has npm's openid-client find the introspection endpoint and ask about a token,
// before and after its revocation.
func TestOthersAskAboutOurTokens(t *testing.T) {
	t.Parallel()
	requireNode(t)
	front := gatewaytest.Start(t, gateway.Config{
		Attributes: []string{"name"}, Keys: keystest.New(t, token.DefaultAlgorithm), Verify: []string{"127.0.0.1", "::1"},
	})
	front.Check = apitest.Check
	raw := front.NewApp().Login(t, "adult")
	answer := introspect(t, front.URL, raw)
	if answer["active"] != true || answer["sub"] != front.Signicat.Personas()[0].SubjectID || answer["aud"] != front.URL || answer["name"] != nil {
		t.Errorf("a token that is valid: %v", answer)
	}
	for _, text := range []string{altered(raw), "x"} {
		if answer := introspect(t, front.URL, text); answer["active"] != false || len(answer) != 1 {
			t.Errorf("another text: %v", answer)
		}
	}
	got, err := http.PostForm(front.URL+logintest.Path+"/revoke", url.Values{"token": {raw}})
	if err != nil {
		t.Fatal(err)
	}
	_ = got.Body.Close() // empty
	if answer := introspect(t, front.URL, raw); got.StatusCode != http.StatusOK || answer["active"] != false || len(answer) != 1 {
		t.Errorf("after its revocation, %d: %v", got.StatusCode, answer)
	}
}

func introspect(t *testing.T, issuer, raw string) map[string]any {
	t.Helper()
	node := exec.CommandContext(t.Context(), "node", "introspect.mjs", issuer)
	node.Dir = filepath.Join("..", "node")
	node.Stdin = strings.NewReader(raw)
	var stderr bytes.Buffer
	node.Stderr = &stderr
	out, err := node.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	answer, err := readClaims(out)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}
