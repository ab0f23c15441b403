package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
)

func TestMain(m *testing.M) { repotest.Main(m) }

// readTableOf returns the rows of a page's tables whose first column has that heading, in order,
// without their heading. It fails the test without such a table.
func readTableOf(t *testing.T, page, firstColumn string) (rows [][]string) {
	t.Helper()
	inside := false
	for line := range strings.Lines(repotest.ReadFile(t, page)) {
		line, isRow := strings.CutPrefix(strings.TrimSpace(line), "|")
		cells := strings.Split(strings.TrimSuffix(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case !isRow:
			inside = false
		case cells[0] == firstColumn:
			inside = true
		case inside && !strings.HasPrefix(cells[0], "---"):
			rows = append(rows, cells)
		}
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no table that begins with %q", page, firstColumn)
	}
	return rows
}

// code matches a cell that has one text in backticks, and nothing else.
func code(cell string) (text string, ok bool) {
	text, ok = strings.CutPrefix(cell, "`")
	text, closed := strings.CutSuffix(text, "`")
	return text, ok && closed && !strings.Contains(text, "`")
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notSlug = regexp.MustCompile(`[^a-z0-9 _-]`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, page := range repotest.FilesMatching(t, ".", "*.md") {
		for _, found := range link.FindAllStringSubmatch(repotest.ReadFile(t, page), -1) {
			target, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			file := page
			if target != "" {
				file = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s: %v", page, found[1], err)
			} else if anchor != "" && !slices.Contains(slugs(repotest.ReadFile(t, file)), anchor) {
				t.Errorf("%s links to %s: the page has no such heading", page, found[1])
			}
		}
	}
}

// slugs returns the anchors of a page's headings, as GitHub makes them.
func slugs(text string) (all []string) {
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		plain := notSlug.ReplaceAllString(strings.ToLower(h[1]), "")
		all = append(all, strings.ReplaceAll(plain, " ", "-"))
	}
	return all
}

var (
	// codeOrComment is what a Markdown renderer shows as it is, or not at all.
	codeOrComment = regexp.MustCompile("(?ms)^ *```.*?^ *```$|<!--.*?-->|``[^`]+``|`[^`\n]*`|^\t.*?$")
	// tag matches what a renderer takes for HTML. A backslash before it makes it text.
	tag = regexp.MustCompile(`(^|[^\\])</?[A-Za-z][^>\n]*>`)
	// shownTag is HTML that pages may have: line breaks in tables, pictures, and addresses.
	shownTag = regexp.MustCompile(`<(br>|img |https?:)`)
)

// TestPlaceholdersAreShown looks for placeholders such as <name> outside of code. GitHub takes them for HTML, and
// the reader sees nothing.
func TestPlaceholdersAreShown(t *testing.T) {
	t.Parallel()
	for _, page := range repotest.FilesMatching(t, ".", "*.md") {
		text := codeOrComment.ReplaceAllString(repotest.ReadFile(t, page), "")
		for _, found := range tag.FindAllString(text, -1) {
			if !shownTag.MatchString(found) {
				t.Errorf("%s: %s is taken for HTML; write it in backticks or with a backslash", page, found)
			}
		}
	}
}

var (
	namedTest = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w+`)
	testFunc  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
)

// TestNamedTestsExist looks up the tests that the pages name, also in their comments.
func TestNamedTestsExist(t *testing.T) {
	t.Parallel()
	exists := make(map[string]bool)
	for _, file := range repotest.FilesMatching(t, ".", "*_test.go") {
		for _, found := range testFunc.FindAllStringSubmatch(repotest.ReadFile(t, file), -1) {
			exists[found[1]] = true
		}
	}
	named := 0
	for _, page := range repotest.FilesMatching(t, "docs", "*.md") {
		for _, name := range namedTest.FindAllString(repotest.ReadFile(t, page), -1) {
			named++
			if !exists[name] {
				t.Errorf("%s names %s, which does not exist", page, name)
			}
		}
	}
	if named < 60 {
		t.Errorf("the pages name %d tests", named)
	}
}

var (
	makeCommand = regexp.MustCompile("(?m)(?:^|`)make ([a-z-]+)")
	goPackage   = regexp.MustCompile(`go (?:run|test|build|install) (\./[a-z0-9/_-]+)`)
)

// TestCommandsExist looks up the make targets and the packages in the commands of the pages.
func TestCommandsExist(t *testing.T) {
	t.Parallel()
	makefile := repotest.ReadFile(t, "Makefile")
	for _, page := range repotest.FilesMatching(t, ".", "*.md") {
		text := repotest.ReadFile(t, page)
		for _, target := range makeCommand.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(makefile, "\n"+target[1]+":") {
				t.Errorf("%s has make %s, which the Makefile lacks", page, target[1])
			}
		}
		for _, path := range goPackage.FindAllStringSubmatch(text, -1) {
			if info, err := os.Stat(path[1]); err != nil || !info.IsDir() {
				t.Errorf("%s names the package %s, which does not exist", page, path[1])
			}
		}
	}
}

// versions has, for each version of the table in docs/install.md, the file that sets it.
var versions = map[string]struct{ file, before string }{
	"Go":                      {"go.mod", "\ngo "},
	"Caddy":                   {"go.mod", "github.com/caddyserver/caddy/v2 "},
	"xcaddy":                  {"tools/go.mod", "github.com/caddyserver/xcaddy "},
	"Node.js, for tests only": {"test/node/package.json", `"node": ">=`},
}

func TestVersions(t *testing.T) {
	t.Parallel()
	rows := readTableOf(t, "docs/install.md", "What")
	if len(rows) != len(versions) {
		t.Errorf("the table has %d rows, want %d", len(rows), len(versions))
	}
	for _, row := range rows {
		decided, known := versions[row[0]]
		version, _, _ := strings.Cut(row[1], " ")
		if !known || !strings.Contains(repotest.ReadFile(t, decided.file), decided.before+version) {
			t.Errorf("%s %s is not the version in %q", row[0], version, decided.file)
		}
	}
}
