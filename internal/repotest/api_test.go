package repotest_test

import (
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
)

var update = flag.Bool("update", false, "write the golden files of the public packages anew")

// apiFolder holds one golden file for each public package, under the package's path.
const apiFolder = "internal/repotest/testdata/api"

// TestPublicAPI compares the output of go doc -all for each public package with its golden file, so
// that a review sees every change of the API.
func TestPublicAPI(t *testing.T) {
	t.Parallel()
	want := make(map[string]string)
	for _, p := range list(t) {
		if isPublic(p.ImportPath) {
			want[goldenFile(p.ImportPath)] = p.ImportPath
		}
	}
	if len(want) < 8 {
		t.Fatalf("go list found %d public packages", len(want))
	}
	removeOrReport(t, want)
	for file, importPath := range want {
		t.Run(strings.TrimPrefix(importPath, module+"/"), func(t *testing.T) {
			t.Parallel()
			compareAPI(t, file, goDoc(t, importPath))
		})
	}
}

// isPublic reports whether modules of others may import a package and call it. The packages for tests
// and for examples are left out: they promise no API.
func isPublic(importPath string) bool {
	below := strings.TrimPrefix(importPath, module)
	first, _, _ := strings.Cut(strings.TrimPrefix(below, "/"), "/")
	return !slices.Contains(strings.Split(below, "/"), "internal") &&
		!slices.Contains([]string{"bench", "cmd", "examples"}, first) &&
		!slices.ContainsFunc(strings.Split(below, "/"), func(name string) bool { return strings.HasSuffix(name, "test") })
}

// goldenFile returns the file of a package: api/store/redis.txt, and api/module.txt for the root.
func goldenFile(importPath string) string {
	below := strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
	if below == "" {
		below = "module"
	}
	return path.Join(apiFolder, below+".txt")
}

// removeOrReport reports golden files without a package, and removes them with -update.
func removeOrReport(t *testing.T, want map[string]string) {
	t.Helper()
	err := filepath.WalkDir(apiFolder, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || want[filepath.ToSlash(file)] != "" {
			return err
		}
		if *update {
			return os.Remove(file)
		}
		t.Errorf("%s is of no public package; run go test ./internal/repotest -run TestPublicAPI -update", file)
		return nil
	})
	if err != nil && !*update {
		t.Fatal(err)
	}
}

func goDoc(t *testing.T, importPath string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "doc", "-all", importPath)
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go doc: %v\n%s", err, stderr.String())
	}
	return string(out)
}

func compareAPI(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(repotest.ReadFile(t, file), got); diff != "" {
		t.Errorf("the API differs from %s (-want +got); run go test ./internal/repotest -run TestPublicAPI -update, and review the diff:\n%s", file, diff)
	}
}

// TestPublicPackages names one package of each sort.
func TestPublicPackages(t *testing.T) {
	t.Parallel()
	for below, want := range map[string]bool{
		"": true, "/gateway": true, "/store/redis": true, "/docs": true,
		"/gateway/internal/login": false, "/internal/span": false,
		"/store/storetest": false, "/signicat/signicattest/conformance": false,
		"/cmd/signicat-sim": false, "/examples/redis": false, "/bench/waiting": false,
	} {
		if got := isPublic(module + below); got != want {
			t.Errorf("isPublic(%q) = %v, want %v", module+below, got, want)
		}
	}
}
