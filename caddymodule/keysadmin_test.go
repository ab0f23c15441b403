package caddymodule_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
)

// fileElsewhere writes a running configuration with Caddy's storage in another folder, which is what a command
// sees that runs as another user.
func fileElsewhere(t *testing.T, server *caddytest.Server, config string) string {
	t.Helper()
	content := strings.NewReplacer(caddytest.Address, server.Addr, caddytest.AdminAddress, strings.TrimPrefix(server.AdminURL, "http://")).Replace(config)
	return writeCaddyfile(t, strings.Replace(content, "{", "{\n\tstorage file_system "+t.TempDir(), 1))
}

// TestKeysCommandAsksTheRunningCaddy drops a key with a command that has no access to storage. When the
// command returns, the service refuses the tokens of the key, without a reload.
func TestKeysCommandAsksTheRunningCaddy(t *testing.T) {
	for name, admin := range map[string]string{
		"an address": caddytest.AdminAddress,
		"a socket":   "unix/" + filepath.Join(t.TempDir(), "admin.sock") + "|0200",
	} {
		t.Run(name, func(t *testing.T) {
			config := strings.Replace(adminConfig, caddytest.AdminAddress, admin, 1)
			s := site{Server: caddytest.Run(t, config), t: t}
			file := fileElsewhere(t, s.Server, config)
			age(t, s.Server, config)
			raw := accessToken(t, s.Server, storedKey(t, s.Server))
			s.want(http.StatusOK, "ok", "/", "Authorization", "Bearer "+raw)
			before := keys(t, "list", "--config", file)
			leaked := keys(t, "rotate", "--config", file, "--drop", before[0].id)
			if leaked[0].id != before[1].id || leaked[0].role != "current" {
				t.Errorf("after dropping the current key there are %v", leaked)
			}
			if status, _ := s.get("/", "Authorization", "Bearer "+raw); status != http.StatusUnauthorized {
				t.Errorf("a token of a key that was dropped gets %d", status)
			}
			out, err := itsme(t, "keys", "list", "--config", file)
			if err != nil || !strings.Contains(out, "older than the last drop") || !strings.HasSuffix(out, "\n"+before[1].id+"\n") {
				t.Errorf("list writes %q, %v", out, err)
			}
			if _, err := itsme(t, "keys", "rotate", "--config", file, "--drop", "x"); err == nil || !strings.Contains(err.Error(), `gateway default: no key has the kid "x"`) {
				t.Errorf("dropping what is not there: %v", err)
			}
			if data, err := os.ReadFile(filepath.Join(s.Storage(), "itsme", "default", "dropped.json")); err != nil || !strings.Contains(string(data), before[0].id) {
				t.Errorf("the service's storage holds %q, %v", data, err)
			}
		})
	}
}

// age changes the stored keys to be years old, and makes Caddy read them again.
func age(t *testing.T, s *caddytest.Server, config string) {
	t.Helper()
	data, err := os.ReadFile(keysFile(s))
	if err == nil {
		data = regexp.MustCompile(`"created_at": "\d+`).ReplaceAll(data, []byte(`"created_at": "2020`))
		err = os.WriteFile(keysFile(s), data, 0o600)
	}
	if err == nil {
		err = s.Reload(config)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestKeysCommandAsksNoOtherCaddy: another gateway answers at the admin address. The command must not touch
// its keys.
func TestKeysCommandAsksNoOtherCaddy(t *testing.T) {
	s := caddytest.Run(t, adminConfig)
	other := fileElsewhere(t, s, strings.Replace(adminConfig, "public_url http://{{addr}}", "public_url https://other.example.be", 1))
	if out, err := itsme(t, "keys", "list", "--config", other); err != nil || !strings.Contains(out, "there are no signing keys yet") {
		t.Errorf("list writes %q, %v", out, err)
	}
	before := storedKeys(t, s)
	if _, err := itsme(t, "keys", "rotate", "--drop", "all", "--config", other); err == nil {
		t.Error("keys were dropped")
	}
	if diff := cmp.Diff(before, storedKeys(t, s)); diff != "" {
		t.Errorf("the other gateway's keys changed:\n%s", diff)
	}
}

// TestRotateIsForAllGatewaysUnlessOneIsNamed runs with two gateways.
func TestRotateIsForAllGatewaysUnlessOneIsNamed(t *testing.T) {
	config := strings.Replace(storedConfig, "{", "{\n\tadmin off\n"+second("https://b.example.be", ""), 1)
	s := caddytest.Run(t, config)
	file := writeCaddyfile(t, strings.ReplaceAll(strings.Replace(config, "{", "{\n\tstorage file_system "+s.Storage(), 1), caddytest.Address, s.Addr))
	list := func(args ...string) map[string][]keyRow {
		out, err := itsme(t, append(append([]string{"keys"}, args...), "--config", file)...)
		if err != nil {
			t.Fatal(err)
		}
		rows := make(map[string][]keyRow)
		for line := range strings.Lines(out) {
			if columns := strings.Fields(line); len(columns) == 7 {
				rows[columns[0]] = append(rows[columns[0]], keyRow{id: columns[1], role: columns[3], until: columns[5]})
			}
		}
		return rows
	}
	soon := func(row keyRow) bool {
		from, err := time.Parse(time.RFC3339, row.until)
		return err == nil && time.Until(from) < time.Hour
	}
	before := list("list")
	if soon(before["default"][1]) || soon(before["second"][1]) {
		t.Fatalf("a next key is about to sign: %v", before)
	}
	one := list("rotate", "--gateway", "second")
	if soon(list("list")["default"][1]) || !soon(one["second"][1]) || one["default"] != nil {
		t.Errorf("rotating one gateway: %v", one)
	}
	if all := list("rotate"); !soon(all["default"][1]) || !soon(all["second"][1]) {
		t.Errorf("rotating all gateways: %v", all)
	}
	dropped := list("rotate", "--drop", before["second"][0].id)
	if dropped["default"][0].id != before["default"][0].id || dropped["second"][0].id == before["second"][0].id {
		t.Errorf("dropping a key of one gateway: %v", dropped)
	}
	if _, err := itsme(t, "keys", "rotate", "--config", file, "--drop", before["default"][0].id+",x"); err == nil || len(list("list")["default"]) != 2 || list("list")["default"][0].id != before["default"][0].id {
		t.Errorf("dropping one that is there and one that is not: %v", err)
	}
	if all := list("rotate", "--drop", "all"); all["default"][0].id == before["default"][0].id || all["second"][0].id == dropped["second"][0].id {
		t.Errorf("dropping all: %v", all)
	}
}

// adminConfig is storedConfig with the admin endpoint.
var adminConfig = strings.Replace(storedConfig, "{\n\titsme {", "{\n\tadmin {{admin}}\n\titsme {", 1)

// redisConfig is storedConfig with Redis.
func redisConfig(address, token string) string {
	return strings.Replace(adminConfig, "attributes name", "attributes name\n\t\ttoken {\n\t\t\t"+token+"\n\t\t}\n\t\tstore redis {\n\t\t\taddress "+address+
		"\n\t\t\tsecret 0123456789abcdef0123456789abcdef\n\t\t}", 1)
}

// TestKeysAreKeptInRedis: a command with a storage folder of its own finds the keys in Redis. It does not find
// keys that a gateway keeps in storage.
func TestKeysAreKeptInRedis(t *testing.T) {
	server := miniredis.RunT(t)
	for _, row := range []struct {
		token   string
		inRedis bool
	}{{"lifetime 15m", true}, {"keys store", true}, {"keys storage", false}} {
		t.Run(row.token, func(t *testing.T) {
			server.FlushAll()
			s := caddytest.Run(t, redisConfig(server.Addr(), row.token))
			if server.Exists("{itsme:default}:keyring:keys") != row.inRedis || !server.Exists("{itsme:default}:keyring:known") {
				t.Errorf("Redis holds %v", server.Keys())
			}
			for _, key := range server.Keys() {
				if held, _ := server.Get(key); strings.Contains(held, "PRIVATE") || strings.Contains(held, storedKeys(t, s)[0].ID) {
					t.Errorf("%s is not sealed", key)
				}
			}
			file := fileElsewhere(t, s, strings.Replace(redisConfig(server.Addr(), row.token), "admin {{admin}}", "admin off", 1))
			out, err := itsme(t, "keys", "list", "--config", file)
			if err != nil || strings.Contains(out, storedKeys(t, s)[0].ID) != row.inRedis {
				t.Errorf("where there is no storage list writes %q, %v", out, err)
			}
			if row.inRedis {
				return
			}
			// Only the service knows the keys; a command elsewhere invents none.
			if _, err := itsme(t, "keys", "rotate", "--config", file); err == nil || !strings.Contains(err.Error(), "nowhere to be found") {
				t.Errorf("rotating there: %v", err)
			}
		})
	}
}

// TestGatewayStartsWithoutRedis: the gateway starts, without keys and not ready, until Redis answers. Neither loading nor
// validating the configuration waits for Redis.
func TestGatewayStartsWithoutRedis(t *testing.T) {
	server := miniredis.RunT(t)
	address := server.Addr()
	server.Close()
	config := redisConfig(address, "lifetime 15m")
	adapted, err := caddytest.Adapt(strings.NewReplacer(caddytest.Address, "127.0.0.1:1", caddytest.AdminAddress, "127.0.0.1:1").Replace(config))
	if err != nil {
		t.Fatal(err)
	}
	if err := caddytest.Validate(adapted, t.TempDir()); err != nil {
		t.Fatalf("validating: %v", err)
	}
	s := site{Server: caddytest.Run(t, config), t: t}
	if status, _ := s.get("/itsme/health/ready"); status != http.StatusServiceUnavailable {
		t.Errorf("without Redis it is %d", status)
	}
	if _, err := os.Stat(keysFile(s.Server)); err == nil {
		t.Error("it made keys")
	}
	if err := server.StartAddr(address); err != nil {
		t.Fatal(err)
	}
	s.awaitReady()
	first := storedKeys(t, s.Server)

	// With the copy in its folder, the next process has the keys before Redis is back.
	server.Close()
	if err := s.Reload(config); err != nil {
		t.Fatal(err)
	}
	if _, jwks := s.get("/.well-known/jwks.json"); !strings.Contains(jwks, first[0].ID) {
		t.Errorf("without Redis the JWKS is %s", jwks)
	}
}

// awaitReady waits until the gateway is ready.
func (s site) awaitReady() {
	s.t.Helper()
	for patience := time.After(time.Minute); ; {
		if status, _ := s.get("/itsme/health/ready"); status == http.StatusOK {
			return
		}
		select {
		case <-patience:
			s.t.Fatal("it is not ready")
		case <-time.After(50 * time.Millisecond):
		}
	}
}
