package caddymodule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// subdirective is one row of a block's grammar.
type subdirective struct {
	name string
	// example is the row as it is right; every error about its arguments shows it.
	example string
	repeats bool
	read    func(arguments) error
}

// arguments are what stands behind a subdirective's name.
type arguments struct {
	*caddyfile.Dispenser
	where   string // the subdirective with its blocks, such as "token lifetime"
	example string
}

func (a arguments) wrong(format string, args ...any) error {
	return a.Errf("%s: %s; write: %s", a.where, fmt.Sprintf(format, args...), a.example)
}

// take returns the arguments, of which there are to be n.
func (a arguments) take(n int, form string) ([]string, error) {
	args := a.RemainingArgs()
	if len(args) != n {
		return nil, a.wrong("takes %s, got %d", form, len(args))
	}
	return args, nil
}

// readBlock reads the block that follows, if one does, and says how many subdirectives it holds.
// The prefix is the blocks around it, "" at the top.
func readBlock(d *caddyfile.Dispenser, prefix string, rows []subdirective) (int, error) {
	seen := make(map[string]bool, len(rows))
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		i := slices.IndexFunc(rows, func(row subdirective) bool { return row.name == name })
		if i < 0 {
			return 0, d.Err(unknownSubdirective(prefix, name, rows))
		}
		row := rows[i]
		if seen[name] && !row.repeats {
			return 0, d.Errf("%s: stands there twice; keep one", prefix+name)
		}
		seen[name] = true
		a := arguments{Dispenser: d, where: prefix + name, example: row.example}
		if err := row.read(a); err != nil {
			return 0, err
		}
		if d.NextBlock(d.Nesting()) {
			return 0, a.wrong("takes no block")
		}
	}
	return len(seen), nil
}

func unknownSubdirective(prefix, name string, rows []subdirective) string {
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row.name
	}
	hint := ""
	if near, ok := nearest(name, names); ok {
		hint = fmt.Sprintf("did you mean %s? ", near)
	} else if block, ok := blockOf(name); ok {
		hint = fmt.Sprintf("it belongs in %s; ", block)
	}
	return fmt.Sprintf("%s: unknown subdirective; %sknown here: %s", prefix+name, hint, strings.Join(names, " "))
}

// blockOf names the block that knows a word, which stands in another one.
func blockOf(name string) (block string, ok bool) {
	var g Gateway
	var h Handler
	for _, b := range []struct {
		name string
		rows []subdirective
	}{
		{"the global option itsme", g.rows()},
		{"the itsme of a site", h.rows()},
		{"signicat", g.Signicat.rows()},
		{"token", g.Token.rows()},
		{"limit", g.Limit.rows()},
		{"page", g.Page.rows()},
		{"require", h.Require.rows()},
		{"store redis", new(RedisStore).rows()},
	} {
		if slices.ContainsFunc(b.rows, func(row subdirective) bool { return row.name == name }) {
			return b.name, true
		}
	}
	return "", false
}

// The readers below are what a row can hold.

func text(target *string) func(arguments) error {
	return func(a arguments) error {
		args, err := a.take(1, "one argument")
		if err != nil {
			return err
		}
		*target = args[0]
		return nil
	}
}

func texts(target *[]string) func(arguments) error {
	return func(a arguments) error {
		args := a.RemainingArgs()
		if len(args) == 0 {
			return a.wrong("takes one argument or more, got none")
		}
		*target = append(*target, args...)
		return nil
	}
}

func flag(target *bool) func(arguments) error {
	return func(a arguments) error {
		_, err := a.take(0, "no argument")
		*target = err == nil
		return err
	}
}

func duration(target *caddy.Duration) func(arguments) error {
	return func(a arguments) error {
		args, err := a.take(1, "one argument")
		if err != nil {
			return err
		}
		return a.duration(target, args[0])
	}
}

func count(target *int) func(arguments) error {
	return func(a arguments) error {
		args, err := a.take(1, "one argument")
		if err != nil {
			return err
		}
		return a.count(target, args[0])
	}
}

func rate(target *Rate) func(arguments) error {
	return func(a arguments) error {
		args, err := a.take(2, "a number and a window")
		if err != nil {
			return err
		}
		if err := a.count(&target.Count, args[0]); err != nil {
			return err
		}
		return a.duration(&target.Window, args[1])
	}
}

// block reads a block of subdirectives of its own.
func block(rows ...subdirective) func(arguments) error {
	return func(a arguments) error {
		if _, err := a.take(0, "a block and no argument"); err != nil {
			return err
		}
		n, err := readBlock(a.Dispenser, a.where+" ", rows)
		if err == nil && n == 0 {
			err = a.wrong("its block is missing or empty")
		}
		return err
	}
}

// duration refuses zero, which would silently mean the default.
func (a arguments) duration(target *caddy.Duration, arg string) error {
	d, err := caddy.ParseDuration(arg)
	if err != nil || d <= 0 {
		return a.wrong("%q is no duration of more than zero", arg)
	}
	*target = caddy.Duration(d)
	return nil
}

// count refuses zero, which would silently mean the default.
func (a arguments) count(target *int, arg string) error {
	n, err := strconv.Atoi(arg)
	if err != nil || n <= 0 {
		return a.wrong("%q is no whole number of more than zero", arg)
	}
	*target = n
	return nil
}
