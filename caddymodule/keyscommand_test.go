package caddymodule_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
)

// itsme runs caddy itsme and returns what it writes.
func itsme(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return itsmeWarns(t, io.Discard, args...)
}

// itsmeWarns runs a command, and writes its standard error to warnings.
func itsmeWarns(t *testing.T, warnings io.Writer, args ...string) (string, error) {
	t.Helper()
	command := &cobra.Command{Use: "itsme", SilenceErrors: true, SilenceUsage: true}
	caddycmd.Commands()["itsme"].CobraFunc(command)
	var out bytes.Buffer
	command.SetOut(&out)
	command.SetErr(warnings)
	command.SetArgs(args)
	err := command.ExecuteContext(t.Context())
	return out.String(), err
}

// keyRow is a row of caddy itsme keys list.
type keyRow struct{ id, role, until string }

// keys runs a command about keys and returns its table.
func keys(t *testing.T, args ...string) []keyRow {
	t.Helper()
	out, err := itsme(t, append([]string{"keys"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out, "PRIVATE") || strings.Contains(out, "MI") && strings.Contains(out, "==") {
		t.Errorf("a key is shown:\n%s", out)
	}
	var rows []keyRow
	for i, line := range strings.Split(strings.TrimSpace(out), "\n") {
		columns := strings.Fields(line)
		if i == 0 {
			continue
		}
		if line == "" { // what follows is about the table
			break
		}
		if len(columns) != 7 || columns[0] != "default" || columns[2] != "ES256" {
			t.Fatalf("a row is %q", line)
		}
		rows = append(rows, keyRow{id: columns[1], role: columns[3], until: columns[6]})
	}
	return rows
}

// configFile writes a Caddyfile for the commands, with the storage of a server.
func configFile(t *testing.T, server *caddytest.Server) string {
	t.Helper()
	return writeCaddyfile(t, strings.ReplaceAll(strings.Replace(storedConfig, "{", "{\n\tstorage file_system "+server.Storage(), 1), caddytest.Address, server.Addr))
}

func writeCaddyfile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOperatorsRotateKeysWhileCaddyRuns drops a next key, and then one that has leaked.
func TestOperatorsRotateKeysWhileCaddyRuns(t *testing.T) {
	s := site{Server: caddytest.Run(t, storedConfig), t: t}
	config := configFile(t, s.Server)
	raw := accessToken(t, s.Server, storedKey(t, s.Server))

	before := keys(t, "list", "--config", config)
	roles := []keyRow{{before[0].id, "current", "-"}, {before[1].id, "next", "-"}}
	if diff := cmp.Diff(roles, before, cmp.AllowUnexported(keyRow{})); diff != "" {
		t.Fatalf("the first keys (-want +got):\n%s", diff)
	}
	// A young key does not take over before verifiers know it.
	if diff := cmp.Diff(roles, keys(t, "rotate", "-c", config), cmp.AllowUnexported(keyRow{})); diff != "" {
		t.Errorf("after rotating (-want +got):\n%s", diff)
	}

	dropped := keys(t, "rotate", "--config", config, "--drop", before[1].id)
	if dropped[0] != before[0] || dropped[1].id == before[1].id {
		t.Errorf("after dropping the next key there are %v", dropped)
	}
	reload(t, s)
	s.wantJWKS(dropped)
	s.want(http.StatusOK, "ok", "/", "Authorization", "Bearer "+raw)

	leaked := keys(t, "rotate", "--config", config, "--gateway", "default", "--drop", before[0].id)
	if leaked[0].id != dropped[1].id || leaked[0].role != "current" || leaked[1].role != "next" {
		t.Errorf("after dropping the current key there are %v", leaked)
	}
	reload(t, s)
	s.wantJWKS(leaked)
	if status, _ := s.get("/", "Authorization", "Bearer "+raw); status != http.StatusUnauthorized {
		t.Errorf("a token of a key that was dropped gets %d", status)
	}
	raw = accessToken(t, s.Server, signingKey(t, s.Server, leaked[0].id))
	s.want(http.StatusOK, "ok", "/", "Authorization", "Bearer "+raw)

	all := keys(t, "rotate", "--config", config, "--drop", "all")
	reload(t, s)
	s.wantJWKS(all)
	if status, _ := s.get("/", "Authorization", "Bearer "+raw); status != http.StatusUnauthorized {
		t.Errorf("after all keys were dropped a token gets %d", status)
	}
}

// writerFunc is a writer of one function.
type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(data []byte) (int, error) { return w(data) }

// TestDropSaysFirstWhatEndsWithTheKey reads the warning while the key is still there. A rotation without a drop ends
// nothing and warns of nothing.
func TestDropSaysFirstWhatEndsWithTheKey(t *testing.T) {
	s := caddytest.Run(t, storedConfig)
	config, key := configFile(t, s), storedKeys(t, s)[0].ID
	var warning string
	before := writerFunc(func(data []byte) (int, error) {
		warning += string(data)
		if storedKeys(t, s)[0].ID != key {
			t.Error("the key is gone before the warning")
		}
		return len(data), nil
	})
	if _, err := itsmeWarns(t, before, "keys", "rotate", "--config", config); err != nil || warning != "" {
		t.Fatalf("a rotation warns of %q: %v", warning, err)
	}
	if _, err := itsmeWarns(t, before, "keys", "rotate", "--config", config, "--drop", key); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(warning, "dropping key "+key) || !strings.Contains(warning, "signed or encrypted ends with it: browsers log in again") {
		t.Errorf("the warning is %q", warning)
	}
	if storedKeys(t, s)[0].ID == key {
		t.Error("the key was not dropped")
	}
}

func reload(t *testing.T, s site) {
	t.Helper()
	if err := s.Reload(storedConfig); err != nil {
		t.Fatal(err)
	}
}

// wantJWKS checks that exactly these keys are published.
func (s site) wantJWKS(rows []keyRow) {
	s.t.Helper()
	_, jwks := s.get("/.well-known/jwks.json")
	if n := strings.Count(jwks, `"kid"`); n != len(rows) {
		s.t.Errorf("%d keys are published, not %d", n, len(rows))
	}
	for _, row := range rows {
		if !strings.Contains(jwks, row.id) {
			s.t.Errorf("the key %s is not published", row.id)
		}
	}
}

func TestKeysOfAFileAreNotRotated(t *testing.T) {
	path := keystest.File(t, keystest.PEM(t))
	config := writeCaddyfile(t, strings.Replace(rightConfig, "#gateway", "token {\nkey "+path+"\n}", 1))
	out, err := itsme(t, "keys", "list", "--config", config)
	if err != nil || !strings.Contains(out, "default  (the key in "+path+", which is never rotated)\n") {
		t.Errorf("list writes %q, %v", out, err)
	}
	_, err = itsme(t, "keys", "rotate", "--config", config)
	want := "gateway default: the key in " + path + " is never rotated; put another key into that file and reload Caddy, which logs all users out"
	if err == nil || err.Error() != want {
		t.Errorf("rotate ends with %v", err)
	}
}

func TestKeysCommandErrors(t *testing.T) {
	storage := "storage file_system " + t.TempDir() + "\n"
	one := writeCaddyfile(t, strings.Replace(rightConfig, "#global", storage, 1))
	two := writeCaddyfile(t, strings.Replace(rightConfig, "#global", storage+second("https://b.example.be", ""), 1))
	for _, tt := range []struct{ name, args, want string }{
		{"configuration that is not there", "list --config /nonexistent", "reading config from file: open /nonexistent: no such file or directory"},
		{"gateway that is not there", "list --gateway partners --config " + one, `no gateway is named "partners"; use one of: default`},
		{"a key that no gateway has", "rotate --drop x --config " + two, `no key has the kid "x"; caddy itsme keys list shows them`},
		{"an empty kid", "rotate --drop= --config " + one, "--drop names no key; caddy itsme keys list shows them"},
		{"no keys to rotate", "rotate --config " + one, "gateway default: there are no signing keys yet"},
		{"no keys to drop", "rotate --drop all --gateway second --config " + two, "gateway second: there are no signing keys yet"},
		{"no gateway", "list --config " + writeCaddyfile(t, ":80\n"), "no gateway is defined; add the global option itsme { ... } with public_url, signicat and attributes"},
		{"configuration that cannot work", "list --config " + writeCaddyfile(t, strings.Replace(rightConfig, "#gateway", "token {\nrotate 1h\n}", 1)), "gateway default: token rotate: 1h0m0s is out of bounds"},
		{"argument too many", "list default --config " + one, `unknown command "default" for "itsme keys list"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if out, err := itsme(t, append([]string{"keys"}, strings.Fields(tt.args)...)...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("it writes %q and ends with %v", out, err)
			}
		})
	}
	out, err := itsme(t, "keys", "list", "--config", two)
	if want := "second   (there are no signing keys yet; Caddy makes them when it starts)\n"; err != nil || !strings.Contains(out, want) {
		t.Errorf("without keys list writes %q, %v", out, err)
	}
}

func TestKeysCommandFindsTheCaddyfileOfTheFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := itsme(t, "keys", "list"); err == nil || !strings.Contains(err.Error(), "there is no Caddyfile in this folder") {
		t.Errorf("without one it ends with %v", err)
	}
	content := strings.Replace(rightConfig, "#global", "storage file_system storage", 1)
	if err := os.WriteFile("Caddyfile", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := itsme(t, "keys", "list"); err != nil || !strings.Contains(out, "default") {
		t.Errorf("it writes %q, %v", out, err)
	}
}

// TestHelp checks that every command explains itself.
func TestHelp(t *testing.T) {
	for _, args := range []string{"", "doctor", "keys", "keys list", "keys rotate", "token", "token verify"} {
		out, err := itsme(t, append(strings.Fields(args), "--help")...)
		if err != nil || !strings.Contains(out, "Usage:") {
			t.Errorf("caddy itsme %s --help writes %q, %v", args, out, err)
		}
	}
}
