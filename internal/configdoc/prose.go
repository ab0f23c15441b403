package main

import (
	"go/doc/comment"
	"regexp"
	"strings"
	"unicode"
)

// prose converts doc comments to Markdown. It replaces the names of Go fields by their keys.
type prose struct {
	keys   map[string]string // by the name of the field; only names that are no English word
	source *source
}

// newProse collects the names that can only be names of fields, such as PublicURL.
func newProse(s *source) prose {
	p := prose{keys: make(map[string]string), source: s}
	for _, t := range s.types {
		for _, f := range t.fields {
			if isCompound(f.name) {
				p.keys[f.name] = code(f.key)
			}
		}
	}
	return p
}

// isCompound reports whether a name has two words, such as PublicURL. ID is one word.
func isCompound(name string) bool {
	return strings.ToUpper(name) != name && strings.ContainsAny(name[1:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
}

func code(text string) string { return "`" + text + "`" }

// splitDefault removes the sentence that names the default from a doc comment, and returns both. "Default 10s."
// names a value, "Default: none." describes it, and "Required." has none.
func splitDefault(doc string) (text, standard string) {
	var kept []string
	for _, sentence := range sentences(doc) {
		bare := strings.TrimSuffix(sentence, ".")
		words, described := strings.CutPrefix(bare, "Default: ")
		value, named := strings.CutPrefix(bare, "Default ")
		switch {
		case bare == "Required" || strings.HasPrefix(bare, "Required, "):
			standard = "required"
		case described:
			standard = words
		case named:
			standard = code(value)
		default:
			kept = append(kept, sentence)
		}
	}
	return strings.Join(kept, " "), standard
}

// sentences splits a doc comment at every full stop before a capital letter.
func sentences(doc string) (all []string) {
	words := strings.Fields(doc)
	start := 0
	for i, word := range words {
		ends := i+1 == len(words) || strings.HasSuffix(word, ".") && unicode.IsUpper(rune(words[i+1][0]))
		if ends {
			all = append(all, strings.Join(words[start:i+1], " "))
			start = i + 1
		}
	}
	return all
}

// about returns the doc comment of a type, with its name replaced.
func (p prose) about(doc, name, replacement string, siblings []field) string {
	doc = strings.TrimPrefix(doc, name+" ")
	return replacement + " " + p.rename(markdown(doc), siblings)
}

// cell returns the doc comment of a field, as one cell of a table.
func (p prose) cell(f field, siblings []field) string {
	text := f.doc
	first, rest, _ := strings.Cut(text, " ")
	lead := ""
	if strings.TrimSuffix(first, "Raw") == f.name {
		text, lead = rest, code(f.key)+" "
	}
	text = p.rename(markdown(text), siblings)
	return lead + strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

// pageName matches the name of a page of this folder, with a heading.
var pageName = regexp.MustCompile(`\bdocs/([a-z]+\.md)(#[a-z-]+)?`)

// markdown converts a doc comment. It links the names of pages.
func markdown(doc string) string {
	parsed := new(comment.Parser).Parse(doc)
	text := string(new(comment.Printer).Markdown(parsed))
	return pageName.ReplaceAllString(text, "[$1]($1$2)")
}

// goName matches a word that may be the name of a field, and the text before it.
var goName = regexp.MustCompile(`(^|[.:] |\n\n|\W)([A-Z][A-Za-z]*)\b`)

// rename replaces names of fields by their keys. It replaces a compound name everywhere. It replaces the name
// of a sibling within a sentence, unless that is also the name of a type, such as Signicat.
func (p prose) rename(text string, siblings []field) string {
	return goName.ReplaceAllStringFunc(text, func(match string) string {
		found := goName.FindStringSubmatch(match)
		before, name := found[1], found[2]
		if key, ok := p.keys[name]; ok {
			return before + key
		}
		if _, isType := p.source.types[name]; isType || len(before) != 1 {
			return match
		}
		for _, f := range siblings {
			if f.name == name {
				return before + code(f.key)
			}
		}
		return match
	})
}
