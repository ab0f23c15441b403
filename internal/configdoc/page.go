package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strings"
)

const head = `<!-- Generated from the source by make docs. Change the doc comments in caddymodule, not this page. -->

# Caddyfile

Every option of the modules, as a Caddyfile writes it and as JSON has it. JSON has the same keys.
[README](../README.md#caddyfile) has examples to start from, and [sites.md](sites.md) explains matchers, rewrites and
the order of directives.

A duration is a text such as ` + "`90s`, `15m` or `30d`" + `. Placeholders such as ` + "`{env.NAME}` and `{file./path}`" + ` are
expanded in every text when the configuration is loaded. An empty one is an error. ` + "`caddy validate`" + ` finds what is
wrong without a network, and names the line. A missing key, an empty text and zero all mean the default.

| Block | What it configures |
|---|---|
`

// titles are the headings of modules, in the order of the page. A module without a title has its ID.
var titles = []struct{ id, title, about string }{
	{"itsme", "Global option itsme", "A gateway: Signicat, tokens, cookies, limits, pages"},
	{"http.handlers.itsme", "Directive itsme", "A site: who must log in, and with what"},
	{"itsme.stores.memory", "Store memory", "Pending sessions in this process"},
	{"itsme.stores.redis", "Store redis", "Pending sessions in Redis"},
	{"admin.api.itsme", "Admin endpoint", "Revocation, key rotation and state"},
	{"caddy.logging.encoders.filter.itsme", "Log filter itsme", "Redacts identities in Caddy's DEBUG log"},
	{"http.authentication.providers.itsme", "Authentication provider itsme", "Bearer tokens in Caddy's authentication handler"},
}

// page is the page under construction.
type page struct {
	bytes.Buffer
	source *source
	prose  prose
}

// generate returns the page of the package in a folder.
func generate(folder string) ([]byte, error) {
	s, err := readSource(folder)
	if err != nil {
		return nil, err
	}
	p := &page{source: s, prose: newProse(s)}
	p.WriteString(head)
	slices.SortFunc(s.modules, func(a, b module) int {
		return cmp.Or(cmp.Compare(rank(a.id), rank(b.id)), cmp.Compare(a.id, b.id))
	})
	for _, m := range s.modules {
		title, about := titleOf(m.id)
		anchor := strings.ReplaceAll(strings.ToLower(strings.ReplaceAll(title, "`", "")), " ", "-")
		fmt.Fprintf(p, "| [%s](#%s) | %s |\n", title, anchor, about)
	}
	for _, m := range s.modules {
		if err := p.writeModule(m); err != nil {
			return nil, err
		}
	}
	return p.Bytes(), nil
}

// rank orders modules as titles does. A module without a title is last.
func rank(id string) int {
	for i, t := range titles {
		if t.id == id {
			return i
		}
	}
	return len(titles)
}

func titleOf(id string) (title, about string) {
	if i := rank(id); i < len(titles) {
		return titles[i].title, titles[i].about
	}
	return "Module " + code(id), ""
}

func (p *page) writeModule(m module) error {
	t, ok := p.source.types[m.typeName]
	if !ok || t.doc == "" {
		return fmt.Errorf("%w: %s has no doc comment", errSource, m.typeName)
	}
	title, _ := titleOf(m.id)
	fmt.Fprintf(p, "\n## %s\n\n%s", title, p.prose.about(t.doc, m.typeName, "The module "+code(m.id), t.fields))
	grammar := p.source.grammars[m.typeName]
	if grammar != "" {
		warning := ""
		if strings.Count(grammar, "\n") > 1 {
			warning = " Do not copy it as a starting point."
		}
		fmt.Fprintf(p, "\nThe complete grammar.%s\n\n```text\n%s```\n", warning, grammar)
	}
	return p.writeFields(t.fields, block{rules: parseGrammar(grammar)})
}

// block is the position of a table of fields.
type block struct {
	path  string // the keys from the module to the fields
	rules rules  // the rules of the fields in a Caddyfile
}

// writeFields writes a table of fields, and a table for every struct type in it, each once.
func (p *page) writeFields(fields []field, at block) error {
	if len(fields) == 0 {
		return nil
	}
	var inner []*child
	fmt.Fprint(p, "\n| Caddyfile | JSON | Default | Meaning |\n|---|---|---|---|\n")
	for _, f := range fields {
		if f.doc == "" {
			return fmt.Errorf("%w: the field %s has no doc comment", errSource, f.name)
		}
		value, err := p.value(f)
		if err != nil {
			return err
		}
		path, found := strings.TrimSpace(at.path+" "+f.key), at.rules.find(f.key)
		if _, byName := f.of.(*ast.MapType); byName && len(found) == 0 {
			path, found = "", at.rules // in a Caddyfile the name is an argument of the same block
		}
		text, standard := splitDefault(f.doc)
		if standard == "" && !strings.HasPrefix(value, "object") {
			return fmt.Errorf("%w: the doc comment of the field %s has no default; end it with \"Required.\" or \"Default ….\"", errSource, f.name)
		}
		f.doc = text
		found = found.startingWith(f.key)
		fmt.Fprintf(p, "| %s | %s, %s | %s | %s |\n", written(f, found), code(f.key), value, standard, p.prose.cell(f, fields))
		inner = addChild(inner, f, block{path, found})
	}
	for _, c := range inner {
		if err := p.writeChild(c); err != nil {
			return err
		}
	}
	return nil
}

// written returns the lines of a Caddyfile that set a field.
func written(f field, found rules) string {
	if f.module == "http.matchers" {
		return code("<matcher>")
	}
	if len(found) == 0 {
		return "JSON only"
	}
	var lines []string
	for _, r := range found {
		line := r.line
		if len(r.block) > 0 {
			line += " { ... }"
		}
		lines = append(lines, code(strings.ReplaceAll(line, "|", `\|`)))
	}
	return strings.Join(lines, "<br>")
}

// child is a struct type in a table, with the fields that use it.
type child struct {
	typeName string
	headings []string
	subject  string // replaces the name of the type in its doc comment
	at       block
}

func addChild(all []*child, f field, at block) []*child {
	typeName, heading := structIn(f.of), code(cmp.Or(at.path, f.key))
	for _, c := range all {
		if c.typeName == typeName {
			c.headings, c.subject = append(c.headings, heading), "Each"
			c.at.rules = slices.Concat(c.at.rules, at.rules)
			return all
		}
	}
	subject := heading
	if at.path == "" {
		subject = "Each"
	}
	return append(all, &child{typeName, []string{heading}, subject, at})
}

func (p *page) writeChild(c *child) error {
	t, ok := p.source.types[c.typeName]
	if !ok {
		return nil
	}
	fmt.Fprintf(p, "\n### %s\n\n%s", strings.Join(c.headings, ", "), p.prose.about(t.doc, c.typeName, c.subject, t.fields))
	return p.writeFields(t.fields, c.at)
}

// structIn returns the name of the type that a type is, points to or holds.
func structIn(of ast.Expr) string {
	switch e := of.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return structIn(e.X)
	case *ast.ArrayType:
		return structIn(e.Elt)
	case *ast.MapType:
		return structIn(e.Value)
	}
	return ""
}

var words = map[string]string{
	"string": "text", "bool": "true or false", "int": "whole number", "caddy.Duration": "duration",
	"caddyhttp.RawMatcherSets": "list of matchers",
}

// value describes the type of a field.
func (p *page) value(f field) (string, error) {
	if f.module != "" && f.module != "http.matchers" {
		return "module of " + code(f.module), nil
	}
	return p.valueOf(f.name, f.of)
}

func (p *page) valueOf(name string, of ast.Expr) (string, error) {
	switch e := of.(type) {
	case *ast.StarExpr:
		return p.valueOf(name, e.X)
	case *ast.ArrayType:
		return p.many(name, e.Elt, "list of %s")
	case *ast.MapType:
		if inner, ok := e.Value.(*ast.MapType); ok {
			return p.many(name, inner.Value, "objects by name, each of %s by name")
		}
		return p.many(name, e.Value, "%s by name")
	case *ast.Ident:
		if _, ok := p.source.types[e.Name]; ok {
			return "object", nil
		}
		if word, ok := words[e.Name]; ok {
			return word, nil
		}
	case *ast.SelectorExpr:
		if word, ok := words[fmt.Sprint(e.X, ".", e.Sel)]; ok {
			return word, nil
		}
	}
	return "", fmt.Errorf("%w: the field %s has a type that configdoc cannot describe", errSource, name)
}

func (p *page) many(name string, of ast.Expr, form string) (string, error) {
	one, err := p.valueOf(name, of)
	return fmt.Sprintf(form, plural.ReplaceAllString(one, "${1}s")), err
}

var plural = regexp.MustCompile(`^(text|object|whole number|duration)$`)
