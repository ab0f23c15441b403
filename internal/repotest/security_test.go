package repotest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
)

// namedTest is a test that a page names.
var namedTest = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")

// TestSecurityNamesItsTests checks that every test in SECURITY.md exists, and that SECURITY.md names every attack
// test.
func TestSecurityNamesItsTests(t *testing.T) {
	t.Parallel()
	named := make(map[string]bool)
	for _, name := range namedTest.FindAllStringSubmatch(repotest.ReadFile(t, "SECURITY.md"), -1) {
		named[name[1]] = true
	}
	if len(named) == 0 {
		t.Fatal("SECURITY.md names no test")
	}
	found := make(map[string]bool)
	for _, file := range repotest.FilesMatching(t, ".", "*_test.go") {
		for _, name := range testsIn(t, file) {
			found[name] = true
			if isAttack(file) && !named[name] {
				t.Errorf("SECURITY.md does not name %s of %s", name, file)
			}
		}
	}
	for name := range named {
		if !found[name] {
			t.Errorf("SECURITY.md names %s, which does not exist", name)
		}
	}
}

// isAttack reports whether a file's tests are attacks, by its name.
func isAttack(file string) bool {
	base := filepath.Base(file)
	return strings.HasPrefix(base, "attack_") || strings.HasSuffix(base, "_attack_test.go")
}

// testsIn returns the tests and fuzz targets of a file.
func testsIn(t *testing.T, file string) (names []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, declaration := range parsed.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
			names = append(names, f.Name.Name)
		}
	}
	return names
}
