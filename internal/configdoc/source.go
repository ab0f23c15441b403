package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// errSource is returned when the package does not parse, or lacks a doc comment.
var errSource = errors.New("source")

// source holds the types and modules of a package.
type source struct {
	types    map[string]*structType
	modules  []module
	grammars map[string]string // by type: the grammar in the doc comment of its UnmarshalCaddyfile
}

// module is a type that is a Caddy module.
type module struct {
	id       string
	typeName string
}

// structType is a struct type.
type structType struct {
	doc    string
	fields []field
}

// field is a field with a key in JSON.
type field struct {
	name   string // in Go, without the suffix Raw of Caddy's convention
	key    string // in JSON
	doc    string
	of     ast.Expr
	module string // the namespace of its modules, empty for other fields
}

// readSource parses the files of a folder, without tests.
func readSource(folder string) (*source, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSource, err)
	}
	s := &source{types: make(map[string]*structType), grammars: make(map[string]string)}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errSource, err)
		}
		for _, decl := range parsed.Decls {
			s.add(decl)
		}
	}
	if len(s.modules) == 0 {
		return nil, fmt.Errorf("%w: %s has no module", errSource, folder)
	}
	return s, nil
}

func (s *source) add(decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		s.addMethod(d)
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			named, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			if body, ok := named.Type.(*ast.StructType); ok {
				s.types[named.Name.Name] = &structType{doc: d.Doc.Text(), fields: fieldsOf(body)}
			}
		}
	}
}

// addMethod reads the two methods that describe a module.
func (s *source) addMethod(d *ast.FuncDecl) {
	on := receiver(d)
	switch {
	case on == "":
	case d.Name.Name == "UnmarshalCaddyfile":
		s.grammars[on] = grammarIn(d.Doc.Text())
	case d.Name.Name == "CaddyModule":
		ast.Inspect(d.Body, func(n ast.Node) bool {
			if pair, ok := n.(*ast.KeyValueExpr); ok {
				if id, ok := textOf(pair.Value); ok && isNamed(pair.Key, "ID") {
					s.modules = append(s.modules, module{id: id, typeName: on})
				}
			}
			return true
		})
	}
}

func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) != 1 {
		return ""
	}
	of := d.Recv.List[0].Type
	if pointer, ok := of.(*ast.StarExpr); ok {
		of = pointer.X
	}
	if name, ok := of.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

func isNamed(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func textOf(e ast.Expr) (string, bool) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}

// fieldsOf returns the fields with a key in JSON.
func fieldsOf(body *ast.StructType) (fields []field) {
	for _, f := range body.Fields.List {
		if f.Tag == nil || len(f.Names) != 1 {
			continue
		}
		raw, _ := textOf(f.Tag)
		tag := reflect.StructTag(raw)
		key, _, _ := strings.Cut(tag.Get("json"), ",")
		if key == "" || key == "-" {
			continue
		}
		fields = append(fields, field{
			name: strings.TrimSuffix(f.Names[0].Name, "Raw"), key: key,
			doc: f.Doc.Text(), of: f.Type, module: namespace(tag.Get("caddy")),
		})
	}
	return fields
}

// namespace returns the namespace in Caddy's struct tag.
func namespace(tag string) string {
	for option := range strings.FieldsSeq(tag) {
		if name, ok := strings.CutPrefix(option, "namespace="); ok {
			return name
		}
	}
	return ""
}
