// Package block reads blocks of a Caddyfile. A block is a table of subdirectives. The package refuses
// unknown, repeated and incomplete subdirectives; each error shows a correct line.
package block

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// Grammar lists every block of the program's modules. An error about an unknown subdirective names the
// block that it belongs in.
type Grammar []Block

// Block is one block of a Grammar.
type Block struct {
	// Name is the block's name in errors, such as "the directive itsme".
	Name string
	// Rows are its subdirectives.
	Rows []Subdirective
}

// Subdirective is one row of a block.
type Subdirective struct {
	Name string
	// Example is a correct line. Every error about the arguments shows it.
	Example string
	// Repeats allows the subdirective more than once in one block.
	Repeats bool
	// Read reads the arguments.
	Read func(Arguments) error
}

// Arguments are the words behind a subdirective's name.
type Arguments struct {
	*caddyfile.Dispenser
	grammar Grammar
	where   string // the subdirective with its blocks, such as "token lifetime"
	example string
}

// Wrong returns an error that names the subdirective and shows a correct line.
func (a Arguments) Wrong(format string, args ...any) error {
	return a.Errf("%s: %s; write: %s", a.where, fmt.Sprintf(format, args...), a.example)
}

// Take returns exactly n arguments. Form describes them in the error, such as "a name and a claim".
func (a Arguments) Take(n int, form string) ([]string, error) {
	args := a.RemainingArgs()
	if len(args) != n {
		return nil, a.Wrong("takes %s, got %d", form, len(args))
	}
	return args, nil
}

// Read reads the block that follows, if there is one. Prefix names the enclosing blocks in errors; it is
// empty at the top level.
func (g Grammar) Read(d *caddyfile.Dispenser, prefix string, rows []Subdirective) error {
	_, err := g.read(d, prefix, rows)
	return err
}

// read returns how many different subdirectives the block has.
func (g Grammar) read(d *caddyfile.Dispenser, prefix string, rows []Subdirective) (int, error) {
	seen := make(map[string]bool, len(rows))
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		row, ok := find(rows, name)
		if !ok {
			return 0, d.Err(g.unknown(prefix, name, rows))
		}
		if seen[name] && !row.Repeats {
			return 0, d.Errf("%s: set twice; remove one", prefix+name)
		}
		seen[name] = true
		a := Arguments{Dispenser: d, grammar: g, where: prefix + name, example: row.Example}
		if err := row.Read(a); err != nil {
			return 0, err
		}
		if d.NextBlock(d.Nesting()) {
			return 0, a.Wrong("takes no block")
		}
	}
	return len(seen), nil
}

func find(rows []Subdirective, name string) (row Subdirective, ok bool) {
	i := slices.IndexFunc(rows, func(row Subdirective) bool { return row.Name == name })
	if i < 0 {
		return row, false
	}
	return rows[i], true
}

func (g Grammar) unknown(prefix, name string, rows []Subdirective) string {
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row.Name
	}
	hint := ""
	if near, ok := nearest(name, names); ok {
		hint = fmt.Sprintf("did you mean %s? ", near)
	} else if block, ok := g.blockOf(name); ok {
		hint = fmt.Sprintf("it belongs in %s; ", block)
	}
	if !IsWord(name) { // an address that belongs to the line before, with a password in it
		return fmt.Sprintf("%s: a line must begin with a subdirective; known here: %s", strings.TrimSpace(prefix), strings.Join(names, " "))
	}
	return fmt.Sprintf("%s: unknown subdirective; %sknown here: %s", prefix+name, hint, strings.Join(names, " "))
}

// blockOf names the first block that has a subdirective of this name.
func (g Grammar) blockOf(name string) (block string, ok bool) {
	for _, b := range g {
		if _, ok := find(b.Rows, name); ok {
			return b.Name, true
		}
	}
	return "", false
}
