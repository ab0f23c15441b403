//go:build unix

// Package sidecar_test runs Caddy with the example's Caddyfile, and the commands of its README.
package sidecar_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "github.com/caddy-itsme/caddy-itsme/caddymodule"
	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/exampletest"
	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
)

// TestProbesReachWhatTheyAskAbout: the service listens on loopback, and kubelet connects to the pod's address. The
// port of the probe and of Prometheus shows nothing else.
func TestProbesReachWhatTheyAskAbout(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "service %s %s", r.URL.Path, r.Header.Get("X-Itsme-Subject"))
	}))
	t.Cleanup(service.Close)
	ops := exampletest.FreeAddress(t)
	for name, value := range map[string]string{"SIGNICAT_CLIENT_ID": "x", "SIGNICAT_CLIENT_SECRET": "x", "REDIS_PASSWORD": "x", "ITSME_STORE_SECRET": strings.Repeat("0123456789abcdef", 2)} {
		t.Setenv(name, value)
	}
	redis := redistest.Start(t)
	redis.Do(t, "ACL", "SETUSER", "gateway", "on", ">x", "+@all", "~*", "&*")
	gateway := caddytest.Run(t, exampletest.Replaced(t, exampletest.Read(t, "Caddyfile"), "http://:8080", "http://"+caddytest.Address, "http://:9180", "http://"+ops,
		"127.0.0.1:9000", service.Listener.Addr().String(), "redis:6379", redis.Address, "admin unix//run/caddy/admin.sock", ""))

	for _, row := range []struct {
		url    string
		status int
		want   string
	}{
		{gateway.URL + "/itsme/health/live", http.StatusOK, ""},
		{gateway.URL + "/itsme/health/ready", http.StatusOK, ""},
		{"http://" + ops + "/healthz", http.StatusOK, "service /healthz "},
		{"http://" + ops + "/metrics", http.StatusOK, "caddy_itsme_"},
		{gateway.URL + "/healthz", http.StatusUnauthorized, ""},
		{gateway.URL + "/metrics", http.StatusUnauthorized, ""},
		{"http://" + ops + "/", http.StatusNotFound, ""},
		{"http://" + ops + "/healthz/x", http.StatusNotFound, ""},
		{"http://" + ops + "/healthz/../account", http.StatusNotFound, ""},
		{"http://" + ops + "/itsme/login", http.StatusNotFound, ""},
	} {
		status, body := get(t, gateway.Client, row.url)
		if status != row.status || !strings.Contains(body, row.want) || status != http.StatusOK && strings.Contains(body, "service") {
			t.Errorf("%s: %d %.200s, want %d %s", row.url, status, body, row.status, row.want)
		}
	}
}

// get sends a request as a client on the network would: with an identity of its own making.
func get(t *testing.T, client *http.Client, url string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Itsme-Subject", "forged")
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || strings.Contains(string(text), "forged") {
		t.Errorf("%s passes the client's own identity on: %s, error %v", url, text, err)
	}
	return answer.StatusCode, string(text)
}

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// TestSecretsStayOutOfArguments runs the README's commands with a kubectl that records its arguments and the files
// that it reads. Arguments are visible to every process of a machine, and the shell's history keeps them.
func TestSecretsStayOutOfArguments(t *testing.T) {
	t.Parallel()
	commands := shellBlock.FindStringSubmatch(exampletest.Read(t, "README.md"))
	if commands == nil {
		t.Fatal("the README has no commands")
	}
	dir, temporary := t.TempDir(), t.TempDir()
	stub := "#!/bin/sh\necho \"$@\" > " + dir + "/arguments\ncp -r \"${5#--from-file=}\" " + dir + "/files\n"
	if err := os.WriteFile(filepath.Join(dir, "kubectl"), []byte(stub), 0o700); err != nil {
		t.Fatal(err)
	}
	shell := exec.Command("bash", "-eu")
	shell.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "TMPDIR="+temporary)
	typed := "sandbox-healthy-hat-239\nthe client secret\n"
	shell.Stdin = strings.NewReader("exec 3<<'END'\n" + typed + "END\n" + strings.ReplaceAll(commands[1], "read -r", "read -u 3 -r"))
	if output, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	keys := regexp.MustCompile(`(?m)^  ([a-z-]+): ""$`).FindAllStringSubmatch(exampletest.Read(t, "kubernetes/secret.yaml"), -1)
	if len(keys) != 4 {
		t.Errorf("the Secret has the keys %v, want 4", keys)
	}
	arguments := exampletest.Read(t, filepath.Join(dir, "arguments"))
	for _, key := range keys {
		value := exampletest.Read(t, filepath.Join(dir, "files", key[1]))
		if len(value) < 16 || strings.TrimSpace(value) != value || strings.Contains(arguments, value) {
			t.Errorf("%s has %d bytes, and the arguments are %s", key[1], len(value), arguments)
		}
	}
	if got := exampletest.Read(t, filepath.Join(dir, "files", "signicat-client-secret")); got != "the client secret" {
		t.Errorf("the client secret is %q", got)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("the commands leave %v behind, error %v", left, err)
	}
	for _, block := range shellBlock.FindAllStringSubmatch(exampletest.Read(t, "README.md"), -1) {
		if strings.Contains(block[1], "--from-literal") {
			t.Errorf("a command takes a secret as an argument:\n%s", block[1])
		}
	}
}
