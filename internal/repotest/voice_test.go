package repotest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
)

// avoidedWords are the words that make a reader ask who or what is meant. Use the noun: client, app, browser,
// user, attacker, operator, upstream, replica, store. "Available" and "unavailable" replace "away".
var avoidedWords = []string{"whoever", "nobody", "somebody", "anybody", "told", "tells", "is away", "gets in", "what it says"}

var avoided = regexp.MustCompile(`(?i)\b(` + strings.Join(avoidedWords, "|") + `)\b`)

// TestWordsAreConcrete reads the comments and texts of every Go file, the pages for users, and the documentation.
func TestWordsAreConcrete(t *testing.T) {
	t.Parallel()
	check := func(path, text string) {
		if !mayHoldAvoided(text) {
			return
		}
		if found := avoided.FindAllString(text, -1); len(found) > 0 {
			t.Errorf("%s: %q in %.120q", path, found, strings.Join(strings.Fields(text), " "))
		}
	}
	files, pages := 0, 0
	for _, path := range repotest.FilesMatching(t, ".", "*") {
		name := filepath.ToSlash(path)
		switch filepath.Ext(name) {
		case ".go":
			if name == "internal/repotest/voice_test.go" {
				continue
			}
			files++
			for _, text := range wordsOf(t, path) {
				check(name, text)
			}
		case ".md", ".yaml":
			pages++
			checkLines(t, path, check)
		case ".js", ".html", ".css":
			if strings.HasPrefix(name, "gateway/internal/page/") {
				checkLines(t, path, check)
			}
		}
	}
	if files < 500 || pages < 30 {
		t.Errorf("%d Go files and %d pages were read, want all", files, pages)
	}
}

// checkLines checks a file line by line.
func checkLines(t *testing.T, path string, check func(path, text string)) {
	t.Helper()
	for line := range strings.Lines(repotest.ReadFile(t, path)) {
		check(filepath.ToSlash(path), line)
	}
}

// mayHoldAvoided reports whether a text may hold one of the words. The expression alone takes seconds.
func mayHoldAvoided(text string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(avoidedWords, func(word string) bool { return strings.Contains(text, word) })
}

// wordsOf returns the comments and texts of a Go file.
func wordsOf(t *testing.T, path string) (texts []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, comment := range file.Comments {
		texts = append(texts, comment.Text())
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			texts = append(texts, literal.Value)
		}
		return true
	})
	return texts
}
