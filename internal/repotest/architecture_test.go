package repotest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
)

var (
	// codeSpan matches a text in backticks.
	codeSpan = regexp.MustCompile("`([^`\n]+)`")
	// codeBlock matches a picture, a map or an example.
	codeBlock = regexp.MustCompile("(?s)```.*?```")
	// sourceFile matches the name of a file of the repository.
	sourceFile = regexp.MustCompile(`^[A-Za-z0-9_./-]+\.(?:go|md|yaml|json|html|css|js)$`)
)

// maxGlossary bounds the words that ARCHITECTURE.md explains.
const maxGlossary = 15

// TestArchitectureNamesItsFunctions looks up every step: each file exists, and a file of the row has each
// function.
func TestArchitectureNamesItsFunctions(t *testing.T) {
	t.Parallel()
	steps := rowsOf(repotest.ReadFile(t, "ARCHITECTURE.md"), "Step")
	if len(steps) < 20 {
		t.Fatalf("ARCHITECTURE.md has %d steps", len(steps))
	}
	for _, step := range steps {
		files, functions := spansOf(step[1]), spansOf(step[2])
		if len(files) == 0 || len(functions) == 0 {
			t.Errorf("the step %q names no file or no function", step[0])
		}
		used := make(map[string]bool)
		for _, function := range functions {
			found := false
			for _, file := range files {
				if declares(t, file, function) {
					found, used[file] = true, true
				}
			}
			if !found {
				t.Errorf("the step %q: %s is no function of %s", step[0], function, strings.Join(files, " or "))
			}
		}
		for _, file := range files {
			if !used[file] {
				t.Errorf("the step %q names no function of %s", step[0], file)
			}
		}
	}
}

// TestPagesNameWhatExists looks up the files in backticks of the two pages for maintainers, and the names
// that a page says a file has: `endpointTable` in `gateway/route.go`.
func TestPagesNameWhatExists(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"ARCHITECTURE.md", "CONTRIBUTING.md"} {
		text := codeBlock.ReplaceAllString(repotest.ReadFile(t, page), "")
		count := 0
		for _, file := range spansOf(text) {
			if !sourceFile.MatchString(file) {
				continue
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s names %s, which does not exist", page, file)
			}
			count++
		}
		for _, named := range declarationIn.FindAllStringSubmatch(text, -1) {
			if !declares(t, named[2], named[1]) {
				t.Errorf("%s: %s is not declared in %s", page, named[1], named[2])
			}
			count++
		}
		if count < 20 {
			t.Errorf("%s names %d files and declarations", page, count)
		}
	}
}

// declarationIn is a name and the file that a page says it is in.
var declarationIn = regexp.MustCompile("`([A-Za-z.]+)(?:\\(\\))?` (?:of|in|above `[A-Za-z]+` in) `([A-Za-z0-9_./-]+\\.go)`")

// TestEveryPackageIsOnTheMap finds the packages of go list in the picture or the map. A folder stands for
// the packages below it where the line names them, and examples for all of its own.
func TestEveryPackageIsOnTheMap(t *testing.T) {
	t.Parallel()
	drawn := strings.Join(codeBlock.FindAllString(repotest.ReadFile(t, "ARCHITECTURE.md")+repotest.ReadFile(t, "CONTRIBUTING.md"), -1), "\n")
	for _, p := range list(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		switch {
		case name == "":
			name = "module.go"
		case within(name, "examples"):
			name = "examples"
		}
		if !onMap(drawn, name) {
			t.Errorf("%s stands neither in the picture of ARCHITECTURE.md nor in the map of CONTRIBUTING.md", name)
		}
	}
}

// onMap reports whether a line names a package: in full, or as a member of the folder above it.
func onMap(drawn, name string) bool {
	folder, base := path.Split(name)
	for line := range strings.Lines(drawn) {
		if word(line, name) {
			return true
		}
		if folder := strings.TrimSuffix(folder, "/"); folder != "" && word(line, folder) && word(line, base) {
			return true
		}
	}
	return false
}

// word reports whether a line has a name as a whole word.
func word(line, name string) bool {
	pattern := `(?:^|[^A-Za-z0-9/_-])` + regexp.QuoteMeta(name) + `(?:$|[^A-Za-z0-9/_-])`
	return regexp.MustCompile(pattern).MatchString(strings.TrimRight(line, "\n"))
}

func TestGlossaryIsShort(t *testing.T) {
	t.Parallel()
	if n := len(rowsOf(repotest.ReadFile(t, "ARCHITECTURE.md"), "Word")); n == 0 || n > maxGlossary {
		t.Errorf("the glossary has %d words; from 1 to %d are asked for", n, maxGlossary)
	}
}

// rowsOf returns the cells of the tables whose first column has that heading.
func rowsOf(text, heading string) (rows [][]string) {
	inside := false
	for line := range strings.Lines(text) {
		row, ok := strings.CutPrefix(strings.TrimSpace(line), "|")
		cells := strings.Split(strings.TrimSuffix(row, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case !ok:
			inside = false
		case cells[0] == heading:
			inside = true
		case inside && !strings.HasPrefix(cells[0], "---"):
			rows = append(rows, cells)
		}
	}
	return rows
}

// spansOf returns the texts in backticks.
func spansOf(text string) (spans []string) {
	for _, found := range codeSpan.FindAllStringSubmatch(text, -1) {
		spans = append(spans, found[1])
	}
	return spans
}

// declares reports whether a file declares a function, method, type, variable or constant.
func declares(t *testing.T, file, name string) bool {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Errorf("a page names %s: %v", file, err)
		return false
	}
	for _, declaration := range parsed.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Name.Name == name {
				return true
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if declaredBy(spec, name) {
					return true
				}
			}
		}
	}
	return false
}

func declaredBy(spec ast.Spec, name string) bool {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		return s.Name.Name == name
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if n.Name == name {
				return true
			}
		}
	}
	return false
}
