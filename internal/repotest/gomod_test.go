package repotest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
)

// maxAdded bounds the modules that this one adds to a Caddy, with those of tests: the build list of every Caddy
// with this module has all of go.mod.
const maxAdded = 12

// TestCaddyGetsItsOwnVersions compares the build list of a main module that requires only Caddy with that
// of one that requires this module as well. A raised version would replace one that Caddy was tested with.
func TestCaddyGetsItsOwnVersions(t *testing.T) {
	t.Parallel()
	own := repotest.ReadFile(t, "go.mod")
	caddy := regexp.MustCompile(`github\.com/caddyserver/caddy/v2 v\S+`).FindString(own)
	if caddy == "" {
		t.Fatal("go.mod requires no Caddy")
	}
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	plain := buildList(t, "require "+caddy+"\n")
	with := buildList(t, "require "+caddy+"\nrequire "+module+" v0.0.0\nreplace "+module+" => "+here+"\n")
	for path, version := range plain {
		if with[path] != version {
			t.Errorf("Caddy has %s %s, and gets %s", path, version, with[path])
		}
	}
	var added []string
	for path := range with {
		if _, has := plain[path]; !has && path != module {
			added = append(added, path)
		}
	}
	if len(plain) < 100 || len(added) > maxAdded {
		t.Errorf("Caddy has %d modules and gets %d more, want at most %d: %s", len(plain), len(added), maxAdded, added)
	}
}

// buildList returns the modules of a main module with these requirements, with their versions.
func buildList(t *testing.T, requirements string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.be/caddy\ngo 1.26.0\n" + requirements, "go.sum": repotest.ReadFile(t, "go.sum")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-mod=mod", "-m", "-f", "{{if not .Main}}{{.Path}} {{.Version}}{{end}}", "all")
	list.Dir = dir
	var stderr strings.Builder
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	versions := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		if path, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			versions[path] = version
		}
	}
	return versions
}
