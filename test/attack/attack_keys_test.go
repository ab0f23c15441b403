package attack_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io/fs"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// keyholderSite is a gateway whose secrets are placeholders, and a Caddy that publishes and logs everything it can.
const keyholderSite = `{
	admin {{admin}}
	debug
	metrics
	itsme {
		public_url http://{{addr}}
		signicat {
			client_id     {env.SIGNICAT_CLIENT_ID}
			client_secret {env.SIGNICAT_CLIENT_SECRET}
			api_url       http://127.0.0.1:1
		}
		attributes name
	}
}
http://{{addr}} {
	log
	itsme
	respond ok
}`

// TestPrivateKeysAreShownNowhere reads everything that a running Caddy publishes and logs. An attacker who
// finds a signing key there can log in as any user.
func TestPrivateKeysAreShownNowhere(t *testing.T) {
	t.Setenv("SIGNICAT_CLIENT_ID", signicattest.DefaultClientID)
	t.Setenv("SIGNICAT_CLIENT_SECRET", signicattest.DefaultClientSecret)
	s := caddytest.Run(t, keyholderSite)
	found := secrets{"client secret": signicattest.DefaultClientSecret}
	for _, private := range storedPrivateKeys(t, s.Storage()) {
		found.addKey(t, private)
		found.addDerived(t, s, private)
	}
	for _, url := range []string{
		s.URL + "/itsme/jwks.json", s.URL + "/.well-known/jwks.json", s.URL + "/.well-known/openid-configuration",
		s.AdminURL + "/config/", s.AdminURL + "/config/apps/itsme", s.AdminURL + "/metrics", s.AdminURL + "/debug/vars",
	} {
		found.wantNone(t, url, s.Get(t, url))
	}
	found.wantNone(t, "the log", s.Log())
	if config := s.Get(t, s.AdminURL+"/config/"); !strings.Contains(config, "{env.SIGNICAT_CLIENT_SECRET}") {
		t.Error("the configuration is not what was loaded")
	}
	if jwks := s.Get(t, s.URL+"/itsme/jwks.json"); !strings.Contains(jwks, `"x":`) || strings.Contains(jwks, `"d":`) {
		t.Error("the JWKS has other members than a public key's")
	}
}

// TestPrivateKeysAreTheirOwnersAlone looks at who else on the machine may read them.
func TestPrivateKeysAreTheirOwnersAlone(t *testing.T) {
	t.Setenv("SIGNICAT_CLIENT_ID", signicattest.DefaultClientID)
	t.Setenv("SIGNICAT_CLIENT_SECRET", signicattest.DefaultClientSecret)
	s := caddytest.Run(t, keyholderSite)
	keys := 0
	err := filepath.WalkDir(s.Storage(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), "PRIVATE KEY") {
			if keys++; info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %o", entry.Name(), info.Mode().Perm())
			}
		}
		return err
	})
	if err != nil || keys == 0 {
		t.Errorf("%d files with keys are in storage: %v", keys, err)
	}
}

// storedPrivateKeys returns the keys of every gateway in storage.
func storedPrivateKeys(t *testing.T, storage string) (keys []*pem.Block) {
	t.Helper()
	documents, err := filepath.Glob(filepath.Join(storage, "itsme", "*", "keys.json"))
	if err != nil || len(documents) == 0 {
		t.Fatalf("no keys are stored: %v", err)
	}
	for _, path := range documents {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var stored struct {
			Keys []struct {
				PrivateKey string `json:"private_key"`
			} `json:"keys"`
		}
		if err := json.Unmarshal(data, &stored); err != nil {
			t.Fatal(err)
		}
		for _, key := range stored.Keys {
			block, _ := pem.Decode([]byte(key.PrivateKey))
			if block == nil {
				t.Fatal("a stored key is no PEM")
			}
			keys = append(keys, block)
		}
	}
	return keys
}

// addKey adds a private key in the forms that a program might print.
func (s secrets) addKey(t *testing.T, block *pem.Block) {
	t.Helper()
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	scalar, err := private.(*ecdsa.PrivateKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(pem.EncodeToMemory(block)), "\n")
	s["key's PEM"], s["key's DER"] = lines[1], base64.StdEncoding.EncodeToString(block.Bytes)
	s["key as a JWK's d"], s["key in hex"] = base64.RawURLEncoding.EncodeToString(scalar), hex.EncodeToString(scalar)
	s["key in decimal"] = new(big.Int).SetBytes(scalar).String()
}

// addDerived adds the keys that are derived from a key, and lets the gateway use one of them.
func (s secrets) addDerived(t *testing.T, server *caddytest.Server, block *pem.Block) {
	t.Helper()
	keys := keystest.Parse(t, pem.EncodeToMemory(block))
	for _, use := range []token.Use{token.UseSessionCookie, token.UseAccessToken, token.UseDPoPNonce} {
		derived := keys.KeySet().Current().Derive(use, server.URL)
		name := string(use) + " key of " + keys.KeySet().Current().ID()
		s[name], s[name+" in hex"] = base64.RawURLEncoding.EncodeToString(derived), hex.EncodeToString(derived)
		s[name+" with padding"] = strings.TrimRight(base64.StdEncoding.EncodeToString(derived), "=")
	}
	raw, _, err := newAuthority(t, server.URL, keys, time.Now).IssueSession(personClaims(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range []string{raw, raw[:len(raw)-4] + "AAAA"} {
		_ = rawhttptest.Do(t, server.Addr, head(http.MethodGet, "/", server.Addr, cookieLine(cookie))+"\r\n")
	}
}
