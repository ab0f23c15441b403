//go:build clients

package upstreams_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Spring is slow to build: only `make test-clients` does.
func init() {
	languages = append(languages, language{"java", prepareJava, func(command []string) []string { return command }}) // as Go
}

// prepareJava has Maven build a copy of the example.
func prepareJava(t *testing.T) (string, []string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("java")); err != nil {
		t.Fatal(err)
	}
	maven := exec.CommandContext(t.Context(), "mvn", "--batch-mode", "--quiet", "package")
	maven.Dir = dir
	if out, err := maven.CombinedOutput(); err != nil {
		t.Fatalf("building: %v; run `make test-clients`, which installs Maven on Debian\n%s", err, out)
	}
	return dir, []string{"java", "-jar", filepath.Join("target", "upstream-1.jar")}
}
