package main

import (
	"slices"
	"strings"
)

// rule is a line of a Caddyfile's grammar with the lines in its block.
type rule struct {
	name  string
	line  string // without comment and brace
	block rules
}

type rules []*rule

// grammarIn returns the indented block of a doc comment, without the indentation. It is empty if there is
// none.
func grammarIn(doc string) string {
	var lines []string
	for line := range strings.Lines(doc) {
		if text, indented := strings.CutPrefix(line, "\t"); indented {
			lines = append(lines, text)
		} else if len(lines) > 0 {
			break
		}
	}
	return strings.Join(lines, "")
}

// parseGrammar reads a grammar's statements.
func parseGrammar(text string) rules {
	top := new(rule)
	open := []*rule{top}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, " #")
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "}":
			open = open[:max(len(open)-1, 1)]
		default:
			opens := words[len(words)-1] == "{"
			if opens {
				words = words[:len(words)-1]
			}
			r := &rule{name: words[0], line: strings.Join(words, " ")}
			parent := open[len(open)-1]
			parent.block = append(parent.block, r)
			if opens {
				open = append(open, r)
			}
		}
	}
	return top.block
}

// takes reports whether an argument of the line has the name of a key.
func (r *rule) takes(key string) bool { return strings.Contains(r.line, "<"+key+">") }

// find returns the rules of a key in the blocks: those of that name, or else those with an argument of that name. It
// returns a rule without a block for every key, because the keys are the arguments of its line.
func (r rules) find(key string) (found rules) {
	for _, around := range r {
		if len(around.block) == 0 {
			found = append(found, around)
			continue
		}
		named := around.block.only(func(inner *rule) bool { return inner.name == key })
		if len(named) == 0 {
			named = around.block.only(func(inner *rule) bool { return inner.takes(key) })
		}
		if len(named) == 0 && around.takes(key) {
			named = rules{{name: around.name, line: around.line}}
		}
		found = append(found, named...)
	}
	return found
}

// startingWith returns the rules whose first argument is a word, such as require loa for loa. It returns all rules
// if there is none.
func (r rules) startingWith(word string) rules {
	first := r.only(func(r *rule) bool { return strings.HasPrefix(r.line+" ", r.name+" "+word+" ") })
	if len(first) == 0 {
		return r
	}
	return first
}

// only returns the rules that fit.
func (r rules) only(fits func(*rule) bool) rules {
	return slices.DeleteFunc(slices.Clone(r), func(r *rule) bool { return !fits(r) })
}
