package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
	"github.com/google/go-cmp/cmp"
)

// TestEveryLogLineIsExplained compares the table of lines with the calls in the source that write
// them, in both directions: the message, and its level where the call names one.
func TestEveryLogLineIsExplained(t *testing.T) {
	t.Parallel()
	written := make(map[string]string)
	for _, pattern := range []string{"gateway", "gateway/internal/*", "caddymodule", "caddymodule/internal/*", "signicat", "token", "keyring", "store", "store/redis"} {
		dirs, err := filepath.Glob(pattern)
		if err != nil || len(dirs) == 0 {
			t.Fatalf("no package %s: %v", pattern, err)
		}
		for _, dir := range dirs {
			maps.Copy(written, logCalls(t, dir))
		}
	}
	explained := make(map[string]string)
	for _, row := range readTableOf(t, troubleshooting, "Line") {
		message, ok := code(row[0])
		if _, twice := explained[message]; !ok || twice {
			t.Errorf("%s is not a line, or has two rows", row[0])
		}
		explained[message] = row[1]
	}
	if diff := cmp.Diff(written, explained); diff != "" {
		t.Errorf("the page explains other lines (-source +page):\n%s", diff)
	}
}

var (
	// reason is a constant of gateway/internal/login/errors.go, and business a row of its table of those at WARN.
	reason   = regexp.MustCompile(`(?m)^	(reason\w+) += "(\w+)"`)
	business = regexp.MustCompile(`(?m)^	(reason\w+): +true,`)
)

// TestEveryReasonIsExplained compares the table of reasons with the reasons why a login ended.
func TestEveryReasonIsExplained(t *testing.T) {
	t.Parallel()
	source := repotest.ReadFile(t, filepath.Join("gateway", "internal", "login", "errors.go"))
	names, written := make(map[string]string), make(map[string]string)
	for _, found := range reason.FindAllStringSubmatch(source, -1) {
		names[found[1]], written[found[2]] = found[2], "INFO"
	}
	for _, found := range business.FindAllStringSubmatch(source, -1) {
		written[names[found[1]]] = "WARN"
	}
	explained := make(map[string]string)
	for _, row := range readTableOf(t, troubleshooting, "Reason") {
		name, _ := code(row[0])
		explained[name] = row[1]
	}
	if diff := cmp.Diff(written, explained); diff != "" {
		t.Errorf("the page explains other reasons (-source +page):\n%s", diff)
	}
}

// logMethods has the methods of slog.Logger, with the index of the message in their arguments.
var logMethods = map[string]int{
	"Debug": 0, "Info": 0, "Warn": 0, "Error": 0,
	"DebugContext": 1, "InfoContext": 1, "WarnContext": 1, "ErrorContext": 1,
	"Log": 2, "LogAttrs": 2,
}

// logCalls returns the levels of the lines that a package writes, by message.
func logCalls(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no source in %s: %v", dir, err)
	}
	calls, constants := make(map[string]string), make(map[string]string)
	var named []*ast.CallExpr
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if _, ok := logMethod(n); ok {
					named = append(named, n)
				}
			case *ast.ValueSpec:
				for i, value := range n.Values {
					if text, ok := literal(value); ok {
						constants[n.Names[i].Name] = text
					}
				}
			}
			return true
		})
	}
	for _, call := range named {
		method, _ := logMethod(call)
		argument := call.Args[logMethods[method]]
		message, ok := literal(argument)
		if name, isName := argument.(*ast.Ident); !ok && isName {
			message, ok = constants[name.Name]
		}
		if !ok {
			t.Errorf("%s: the message of a line is no constant", dir)
		}
		calls[message] = levelOf(method, call)
	}
	return calls
}

// logMethod returns the method of a call on a logger: a value with the name log or Logger.
func logMethod(call *ast.CallExpr) (method string, ok bool) {
	called, isMethod := call.Fun.(*ast.SelectorExpr)
	if !isMethod {
		return "", false
	}
	var of string
	switch receiver := called.X.(type) {
	case *ast.Ident:
		of = receiver.Name
	case *ast.SelectorExpr:
		of = receiver.Sel.Name
	}
	_, known := logMethods[called.Sel.Name]
	return called.Sel.Name, known && (of == "log" || of == "Logger")
}

// levelOf returns DEBUG, INFO, WARN or ERROR, or "INFO or WARN" when the level is a variable.
func levelOf(method string, call *ast.CallExpr) string {
	if strings.HasPrefix(method, "Log") {
		level, ok := call.Args[1].(*ast.SelectorExpr)
		if !ok {
			return "INFO or WARN"
		}
		method = strings.TrimPrefix(level.Sel.Name, "Level")
	}
	return strings.ToUpper(strings.TrimSuffix(method, "Context"))
}

// literal returns a text in the source, or the format of one.
func literal(e ast.Expr) (text string, ok bool) {
	if call, isCall := e.(*ast.CallExpr); isCall && len(call.Args) > 1 {
		function, _ := call.Fun.(*ast.SelectorExpr)
		if function == nil || function.Sel.Name != "Sprintf" {
			return "", false
		}
		e = call.Args[0]
	}
	l, isLiteral := e.(*ast.BasicLit)
	if !isLiteral || l.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(l.Value)
	return text, err == nil
}
