package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// source has the files of the module.
type source struct {
	root    string
	product []*file             // what users run
	tests   map[string][]string // the folders that declare a test, by its name
	rapid   map[string]bool     // the folders whose tests use package rapid
}

// file is a Go file of the product.
type file struct {
	path      string
	text      string
	lines     []string // of text, without the blanks that gofmt decides about
	starts    []int    // where each line starts in text
	functions []function
}

// function is the outermost function around some text.
type function struct {
	body    *ast.BlockStmt
	results string // as written
}

// readSource reads the Go files below root. A file moves without a change to a patch.
func readSource(root string) (*source, error) {
	s := &source{root: root, tests: make(map[string][]string), rapid: make(map[string]bool)}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return skip(path, root)
		case strings.HasSuffix(path, "_test.go"):
			return s.addTests(path)
		case strings.HasSuffix(path, ".go") && isProduct(strings.TrimPrefix(path, root)):
			return s.addProduct(path)
		case isText(path):
			return s.addText(path)
		}
		return nil
	})
	return s, err
}

// isText reports whether a file is no Go and has a defence: the configuration of a proxy, or a page with one.
func isText(path string) bool {
	switch filepath.Ext(path) {
	case ".conf", ".lua":
		return true
	case ".md":
		return filepath.Base(filepath.Dir(path)) == "docs"
	}
	return filepath.Base(path) == "envoy.yaml"
}

func skip(path, root string) error {
	base := filepath.Base(path)
	if path != root && (base == "testdata" || base == "node_modules" || base == "site" || base == "dist" || strings.HasPrefix(base, ".")) {
		return fs.SkipDir
	}
	return nil
}

// isProduct reports whether users run a file. The others help tests, or show how to use the product.
func isProduct(path string) bool {
	for folder := range strings.SplitSeq(filepath.ToSlash(filepath.Dir(path)), "/") {
		if strings.HasSuffix(folder, "test") || folder == "examples" || folder == "bench" || folder == "mutate" || folder == "tools" {
			return false
		}
	}
	return true
}

func (s *source) addTests(path string) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, imported := range parsed.Imports {
		if imported.Path.Value == `"pgregory.net/rapid"` {
			s.rapid[filepath.Dir(path)] = true
		}
	}
	for _, declaration := range parsed.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
			s.tests[f.Name.Name] = append(s.tests[f.Name.Name], filepath.Dir(path))
		}
	}
	return nil
}

func (s *source) addProduct(path string) error {
	if err := s.addText(path); err != nil {
		return err
	}
	f := s.product[len(s.product)-1]
	parsed, err := parser.ParseFile(token.NewFileSet(), path, f.text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	ast.Inspect(parsed, func(node ast.Node) bool { return !f.addFunction(node) })
	return nil
}

// addText adds a file that is not Go: a configuration, or a page with one, that tests read.
func (s *source) addText(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	f := &file{path: path, text: string(text)}
	at := 0
	for line := range strings.Lines(f.text) {
		f.lines, f.starts = append(f.lines, plain(line)), append(f.starts, at)
		at += len(line)
	}
	f.starts = append(f.starts, at)
	s.product = append(s.product, f)
	return nil
}

func (f *file) isGo() bool { return strings.HasSuffix(f.path, ".go") }

// addFunction reports whether node is a function, and adds it.
func (f *file) addFunction(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.FuncDecl:
		if n.Body != nil {
			f.functions = append(f.functions, function{n.Body, f.results(n.Type)})
		}
		return true
	case *ast.FuncLit:
		f.functions = append(f.functions, function{n.Body, f.results(n.Type)})
		return true
	default:
		return false
	}
}

// results returns a function's results as the file writes them.
func (f *file) results(signature *ast.FuncType) string {
	if signature.Results == nil {
		return ""
	}
	return f.text[signature.Results.Pos()-1 : signature.Results.End()-1]
}

// plain returns a line without its indentation and the blanks that align it.
func plain(line string) string { return strings.Join(strings.Fields(line), " ") }

// place is the range of a hunk in a file, in bytes.
type place struct {
	file     *file
	function *function // nil in a file that is no Go
	from, to int
	text     string // what takes its place
}

var (
	errNotOnce     = errors.New("its old lines do not stand exactly once in the product")
	errNoFunction  = errors.New("its old lines stand outside any function")
	errNoSuchTest  = errors.New("it names a test that does not exist")
	errNotCompiled = errors.New("does not compile")
)

// find returns the only place where the old lines of a hunk stand.
func (s *source) find(h hunk) (found place, err error) {
	old := make([]string, len(h.Old))
	for i, line := range h.Old {
		old[i] = plain(line)
	}
	count := 0
	for _, f := range s.product {
		for i := range f.lines {
			if f.matches(i, old) {
				found = place{file: f, from: f.starts[i], to: f.starts[i+len(old)]}
				count++
			}
		}
	}
	if count != 1 {
		return place{}, fmt.Errorf("%w: %d times %q", errNotOnce, count, h.Old)
	}
	found.text = strings.Join(h.New, "\n") + "\n"
	if !found.file.isGo() || found.inFunction() || found.narrow().inFunction() {
		return found, nil
	}
	return place{}, fmt.Errorf("%w: %q", errNoFunction, h.Old)
}

func (f *file) matches(line int, old []string) bool {
	if line+len(old) > len(f.lines) {
		return false
	}
	for i := range old {
		if f.lines[line+i] != old[i] {
			return false
		}
	}
	return true
}

// narrow leaves out the equal text at both ends, such as the signature of a function of one line.
func (p *place) narrow() *place {
	for p.from < p.to && p.text != "" && p.file.text[p.from] == p.text[0] {
		p.from, p.text = p.from+1, p.text[1:]
	}
	for p.from < p.to && p.text != "" && p.file.text[p.to-1] == p.text[len(p.text)-1] {
		p.to, p.text = p.to-1, p.text[:len(p.text)-1]
	}
	return p
}

// inFunction finds the function around the place.
func (p *place) inFunction() bool {
	for i := range p.file.functions {
		f := &p.file.functions[i]
		if int(f.body.Lbrace) <= p.from && p.to <= int(f.body.Rbrace)-1 {
			p.function = f
			return true
		}
	}
	return false
}

// folders returns the folders of the packages that declare a test.
func (s *source) folders(test string) ([]string, error) {
	if len(s.tests[test]) == 0 {
		return nil, fmt.Errorf("%w: %s", errNoSuchTest, test)
	}
	return s.tests[test], nil
}
