package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
	"github.com/google/go-cmp/cmp"
)

// troubleshooting is the page of all messages.
const troubleshooting = "docs/troubleshooting.md"

// codeSpan matches a quotation of a page.
var codeSpan = regexp.MustCompile("`([^`]+)`")

// TestMessagesAreExact looks up every message that docs/troubleshooting.md quotes in the source of the packages
// that write it. A verb such as %s matches any text.
func TestMessagesAreExact(t *testing.T) {
	t.Parallel()
	written := messages(t, "caddymodule", "caddymodule/internal/block", "caddymodule/internal/doctor", "gateway", "gateway/internal/login", "keyring", "signicat", "token", "store")
	for _, row := range readTableOf(t, troubleshooting, "Message") {
		for _, quoted := range codeSpan.FindAllStringSubmatch(row[0], -1) {
			if !slices.ContainsFunc(written, func(m *regexp.Regexp) bool { return m.MatchString(quoted[1]) }) {
				t.Errorf("no package writes %q", quoted[1])
			}
		}
	}
}

var verb = regexp.MustCompile(`%[a-z]`)

// leastFixed is the number of fixed characters that a message needs to be unique.
const leastFixed = 20

// messages returns the string literals of packages, without tests, as patterns.
func messages(t *testing.T, packages ...string) (patterns []*regexp.Regexp) {
	t.Helper()
	for _, dir := range packages {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no source in %s: %v", dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, text := range literals(t, file) {
				fixed := verb.Split(text, -1)
				if !utf8.ValidString(text) || len(fixed) > 1 && len(strings.Join(fixed, "")) < leastFixed {
					continue
				}
				for i := range fixed {
					fixed[i] = regexp.QuoteMeta(fixed[i])
				}
				patterns = append(patterns, regexp.MustCompile("^"+strings.Join(fixed, ".*")+"$"))
			}
		}
	}
	return patterns
}

// literals returns the strings in a source file.
func literals(t *testing.T, file string) (texts []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			text, err := strconv.Unquote(l.Value)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, text)
		}
		return true
	})
	return texts
}

var (
	// failureRow is a row of the table from errors to answers: status, problem, title, OAuth error.
	failureRow = regexp.MustCompile(`\{(?:err|\w+\.Err)\w+, (\d+), (problem\w+), "([^"]+)", "(\w+)"\}`)
	// problemName gives a problem its code.
	problemName = regexp.MustCompile(`(problem\w+)\s+= "(\w+)"`)
)

// TestFailuresAreNamed compares docs/troubleshooting.md with the gateway's table of failures: the page explains
// every code and every OAuth error, with its status and title.
func TestFailuresAreNamed(t *testing.T) {
	t.Parallel()
	source := repotest.ReadFile(t, filepath.Join("gateway", "failure.go"))
	codes := make(map[string]string)
	for _, name := range problemName.FindAllStringSubmatch(source, -1) {
		codes[name[1]] = name[2]
	}
	answers, problems, grants := set{}, set{}, set{}
	for _, row := range failureRow.FindAllStringSubmatch(source, -1) {
		answers[codes[row[2]]+": "+row[1]+" `"+row[3]+"`"] = true
		problems[codes[row[2]]] = true
		grants[row[4]] = true
	}
	explained := set{}
	for _, row := range readTableOf(t, troubleshooting, "Code") {
		problem, _ := code(row[0])
		explained[problem] = true
		if answer := problem + ": " + row[1]; !answers[answer] {
			t.Errorf("the gateway never answers %s", answer)
		}
	}
	if diff := cmp.Diff(problems, explained); diff != "" {
		t.Errorf("the page explains other problems (-gateway +page):\n%s", diff)
	}
	explained = set{}
	for _, row := range readTableOf(t, troubleshooting, "Error") {
		name, _ := code(row[0])
		explained[name] = true
	}
	if diff := cmp.Diff(grants, explained); diff != "" {
		t.Errorf("the page explains other errors (-gateway +page):\n%s", diff)
	}
}

type set map[string]bool
