package repotest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
)

// The limits of a package, for its readers.
const (
	maxMethods   = 40 // of one type
	maxCodeFiles = 40 // of one folder
	maxFiles     = 70 // of one folder, tests included

	maxAdapterFiles = 30 // of package caddymodule, which only adapts the gateway to Caddy
)

// TestRoomsCanBeSurveyed counts the files of every folder and the methods of every type.
func TestRoomsCanBeSurveyed(t *testing.T) {
	t.Parallel()
	code, all, methods := make(map[string]int), make(map[string]int), make(map[string]int)
	for _, path := range repotest.FilesMatching(t, ".", "*.go") {
		dir := filepath.ToSlash(filepath.Dir(path))
		if slices.Contains(strings.Split(dir, "/"), "testdata") {
			continue
		}
		all[dir]++
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		code[dir]++
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv != nil {
				methods[dir+"."+receiver(f.Recv.List[0].Type)]++
			}
		}
	}
	if all["gateway"] == 0 || methods["gateway.Gateway"] == 0 {
		t.Fatal("nothing was counted")
	}
	for dir, n := range all {
		if n > maxFiles || code[dir] > maxCodeFiles {
			t.Errorf("%s has %d Go files, %d of them code; at most %d and %d can be surveyed", dir, n, code[dir], maxFiles, maxCodeFiles)
		}
	}
	if code["caddymodule"] > maxAdapterFiles {
		t.Errorf("caddymodule has %d files of code, more than %d; move what knows a thing of its own below caddymodule/internal", code["caddymodule"], maxAdapterFiles)
	}
	for name, n := range methods {
		if n > maxMethods {
			t.Errorf("%s has %d methods; at most %d can be surveyed", name, n, maxMethods)
		}
	}
}

// receiver returns the name of a method's type.
func receiver(expression ast.Expr) string {
	switch e := expression.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
