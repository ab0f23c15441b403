package repotest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
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
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.ToSlash(path)
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git") {
			return fs.SkipDir
		}
		page := strings.HasPrefix(name, "gateway/internal/page/")
		switch filepath.Ext(name) {
		case ".go":
			if name == "internal/repotest/voice_test.go" {
				return nil
			}
			files++
			for _, text := range wordsOf(t, path) {
				check(name, text)
			}
		case ".js", ".html", ".css":
			if page {
				return checkLines(path, check)
			}
		case ".md", ".yaml":
			pages++
			return checkLines(path, check)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 500 || pages < 30 {
		t.Errorf("%d Go files and %d pages were read, want all", files, pages)
	}
}

// checkLines reads a file line by line.
func checkLines(path string, check func(path, text string)) error {
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(source)) {
		check(filepath.ToSlash(path), line)
	}
	return nil
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
