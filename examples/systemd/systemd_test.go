//go:build linux

// Package systemd_test checks the unit as far as that is possible without running it.
package systemd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/exampletest"
)

const (
	unitName = "caddy-itsme.service"
	binary   = "/usr/local/bin/caddy-itsme"
	// finishing is the time for logins under way after Caddy's grace_period.
	finishing = 10 * time.Second
	// maxExposure bounds the exposure that systemd-analyze reports, of 100.
	maxExposure = "20"
)

// setting returns the value of a setting, which the unit must have exactly once.
func setting(t *testing.T, name string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^`+name+`=(.*)$`).FindAllStringSubmatch(exampletest.Read(t, unitName), -1)
	if len(found) != 1 {
		t.Fatalf("the unit has %d lines %s", len(found), name)
	}
	return found[0][1]
}

func TestSystemdAcceptsTheUnit(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), unitName)
	// The program that the unit starts must exist.
	unit := strings.ReplaceAll(exampletest.Read(t, unitName), binary+" ", program+" ")
	if err := os.WriteFile(file, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"verify", file},
		{"security", "--offline=true", "--no-pager", "--threshold=" + maxExposure, file},
	} {
		out, err := exec.CommandContext(t.Context(), "systemd-analyze", args...).CombinedOutput()
		// systemd ignores an unknown name, and prints it with the name of the file.
		if err != nil || strings.Contains(string(out), file) {
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
		}
	}
}

// TestUnitAndCaddyfileAgree: files and folders that the Caddyfile names are those that the unit makes, or that
// README installs.
func TestUnitAndCaddyfileAgree(t *testing.T) {
	t.Parallel()
	caddyfile, readme := exampletest.Read(t, "Caddyfile"), exampletest.Read(t, "README.md")
	credential, source, _ := strings.Cut(setting(t, "LoadCredential"), ":")
	config := "/etc/caddy-itsme/Caddyfile"
	for _, row := range []struct{ what, text, want string }{
		{"ExecStart", setting(t, "ExecStart"), binary + " run --config " + config},
		{"ExecReload", setting(t, "ExecReload"), binary + " reload --config " + config},
		{"README installs the program", readme, " " + binary + "\n"},
		{"README installs the Caddyfile", readme, " examples/systemd/Caddyfile " + config + "\n"},
		{"README installs the unit", readme, " examples/systemd/" + unitName + " /etc/systemd/system/" + unitName + "\n"},
		{"README writes the secret", readme, " /dev/stdin " + source + "\n"},
		{"client_secret", caddyfile, "{file./run/credentials/" + unitName + "/" + credential + "}"},
		{"admin", caddyfile, "admin unix//run/" + setting(t, "RuntimeDirectory") + "/admin.sock\n"},
		{"README calls the admin endpoint", readme, " /run/" + setting(t, "RuntimeDirectory") + "/admin.sock "},
		{"Caddy's storage", setting(t, "Environment"), "XDG_DATA_HOME=%S/" + setting(t, "StateDirectory")},
		{"README lists the keys", readme, "`sudo " + filepath.Base(binary) + " itsme keys list --config " + config + "`"},
		{"README rotates the keys", readme, "`sudo " + filepath.Base(binary) + " itsme keys rotate --config " + config + "`"},
		{"README drops a key of the stopped service", readme, "`sudo env XDG_DATA_HOME=/var/lib/" + setting(t, "StateDirectory") + " " + filepath.Base(binary) + " itsme keys rotate --drop <kid> --config " + config + "`"},
		{"README backs up the storage", readme, "`/var/lib/" + setting(t, "StateDirectory") + "`"},
	} {
		if !strings.Contains(row.text, row.want) {
			t.Errorf("%s: %q is not there", row.what, row.want)
		}
	}
}

// TestServiceHasTimeToStop: systemd kills a process that has not ended in time, with its logins under way.
func TestServiceHasTimeToStop(t *testing.T) {
	t.Parallel()
	grace := regexp.MustCompile(`(?m)^\tgrace_period (\S+)$`).FindStringSubmatch(exampletest.Read(t, "Caddyfile"))
	if grace == nil {
		t.Fatal("the Caddyfile has no grace_period")
	}
	needed, err := time.ParseDuration(grace[1])
	if err != nil {
		t.Fatal(err)
	}
	given, err := time.ParseDuration(setting(t, "TimeoutStopSec"))
	if err != nil {
		t.Fatal(err)
	}
	if given <= needed+finishing {
		t.Errorf("TimeoutStopSec is %s; Caddy may take %s", given, needed+finishing)
	}
}
