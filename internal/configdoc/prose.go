package main

import (
	"go/doc/comment"
	"regexp"
	"strings"
)

// prose turns doc comments into Markdown, with Go's names as the keys that a reader writes.
type prose struct {
	keys   map[string]string // by Go's name, of fields whose name is no English word
	source *source
}

// newProse collects the names that can only be a field's, such as PublicURL.
func newProse(s *source) prose {
	p := prose{keys: make(map[string]string), source: s}
	for _, t := range s.types {
		for _, f := range t.fields {
			if isFieldsAlone(f.name) {
				p.keys[f.name] = code(f.key)
			}
		}
	}
	return p
}

// isFieldsAlone says whether a name is two words in one. All capitals, such as ID, are a word of English too.
func isFieldsAlone(name string) bool {
	return strings.ToUpper(name) != name && strings.ContainsAny(name[1:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
}

func code(text string) string { return "`" + text + "`" }

// about tells what a type's doc comment says, with its name replaced.
func (p prose) about(doc, name, replacement string, siblings []field) string {
	doc = strings.TrimPrefix(doc, name+" ")
	return replacement + " " + p.rename(markdown(doc), siblings)
}

// cell tells what a field's doc comment says, in one line of a table.
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

func markdown(doc string) string {
	parsed := new(comment.Parser).Parse(doc)
	return string(new(comment.Printer).Markdown(parsed))
}

// goName is a word that may be the name of a field, and what stands before it.
var goName = regexp.MustCompile(`(^|[.:] |\n\n|\W)([A-Z][A-Za-z]*)\b`)

// rename puts keys for the names of fields: of any field where the name is no English word, and of
// a sibling where it does not begin a sentence, unless it is a type's name too, such as Signicat,
// which is more than a field.
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
