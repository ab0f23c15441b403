package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	_ "github.com/caddy-itsme/caddy-itsme/caddymodule"
	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
)

var update = flag.Bool("update", false, "write the results of the Caddyfiles in testdata/adapt into the files")

// TestAdapt reads every file of testdata/adapt: a Caddyfile, a line of dashes, and the JSON or the error that
// it adapts to. The JSON must also validate.
func TestAdapt(t *testing.T) {
	files, err := filepath.Glob("testdata/adapt/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	setEnvironment(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".caddyfiletest"), func(t *testing.T) {
			testAdapt(t, file)
		})
	}
}

// setEnvironment sets what the Caddyfiles take from the environment.
func setEnvironment(t *testing.T) {
	t.Helper()
	t.Setenv("SIGNICAT_CLIENT_ID", "sandbox-healthy-hat-239")
	t.Setenv("SIGNICAT_CLIENT_SECRET", "the secret")
	t.Setenv("SIGNICAT_ACCOUNT_ID", "a-spge-0123456789abcdefghij")
	t.Setenv("SIGNING_KEY", keystest.File(t, keystest.PEM(t)))
	authority := redistest.NewAuthority(t)
	t.Setenv("REDIS_CA", authority.CAFile)
	t.Setenv("REDIS_CERTIFICATE", authority.CertFile)
	t.Setenv("REDIS_KEY", authority.KeyFile)
	t.Setenv("REDIS_URL", "rediss://gateway:p%40ssword@redis.example.be:6380/2")
	t.Setenv("REDIS_PASSWORD", "the password")
	t.Setenv("SENTINEL_PASSWORD", "the password of the Sentinels")
	t.Setenv("ITSME_STORE_SECRET", strings.Repeat("s", 32))
}

func testAdapt(t *testing.T, file string) {
	const separator = "\n----------\n"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	caddyfile, want, ok := strings.Cut(string(data), separator)
	if !ok && !*update {
		t.Fatal("no line of ten dashes between the Caddyfile and what it adapts to")
	}
	config, err := caddytest.Adapt(caddyfile + "\n")
	got := indent(t, config)
	if err != nil {
		got = err.Error() + "\n"
	}
	if *update {
		if err := os.WriteFile(file, []byte(caddyfile+separator+got), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("adapted otherwise (-want +got):\n%s", diff)
	}
	bad := strings.HasPrefix(filepath.Base(file), "error_")
	if bad != (err != nil) {
		t.Fatalf("a file that begins with error_, and no other, must fail; this one gives %v", err)
	}
	if bad {
		return
	}
	if err := caddytest.Validate(config, t.TempDir()); err != nil {
		t.Errorf("validating: %v", err)
	}
}

func indent(t *testing.T, config []byte) string {
	t.Helper()
	if config == nil {
		return ""
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, config, "", "\t"); err != nil {
		t.Fatalf("the adapted configuration is no JSON: %v", err)
	}
	return indented.String() + "\n"
}
