package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A call of goTest or goBench names a package and what runs in it. Both exist: a benchmark that moves to
// another package would else be missed only when the table is written.
func TestMeasuredFunctionsExist(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if f, ok := call.Fun.(*ast.Ident); !ok || f.Name != "goTest" && f.Name != "goBench" {
				return true
			}
			folder, pattern := measuredBy(call)
			if folder == "" {
				return true // goBench passes its arguments on
			}
			calls++
			if !declares(t, filepath.Join("..", folder), pattern) {
				t.Errorf("%s: no function of %s matches %s", file, folder, pattern)
			}
			return true
		})
	}
	if calls < 5 {
		t.Errorf("%d calls were found, want the five that there are", calls)
	}
}

// measuredBy returns the package that a call names, and the pattern of what runs in it.
func measuredBy(call *ast.CallExpr) (folder, pattern string) {
	for _, argument := range call.Args {
		literal, ok := argument.(*ast.BasicLit)
		if !ok {
			continue
		}
		switch text, err := strconv.Unquote(literal.Value); {
		case err != nil:
		case strings.HasPrefix(text, "./"):
			folder = text
		case strings.HasPrefix(text, "^Benchmark"), strings.HasPrefix(text, "^Test"):
			pattern = text
		}
	}
	return folder, pattern
}

func declares(t *testing.T, folder, pattern string) bool {
	t.Helper()
	matches := regexp.MustCompile(pattern)
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`(?m)^func (\w+)\(`).FindAllSubmatch(source, -1) {
			if matches.Match(name[1]) {
				return true
			}
		}
	}
	return false
}
