package block

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// Text reads one argument.
func Text(target *string) func(Arguments) error {
	return func(a Arguments) error {
		args, err := a.Take(1, "one argument")
		if err != nil {
			return err
		}
		*target = args[0]
		return nil
	}
}

// Texts reads one argument or more, and adds them to those of earlier lines.
func Texts(target *[]string) func(Arguments) error {
	return func(a Arguments) error {
		args := a.RemainingArgs()
		if len(args) == 0 {
			return a.Wrong("takes one argument or more, got none")
		}
		for _, arg := range args {
			if strings.HasSuffix(arg, ",") {
				return a.Wrong("%s ends with a comma; separate arguments by spaces alone", Quote(arg))
			}
		}
		*target = append(*target, args...)
		return nil
	}
}

// Flag sets the target, and refuses any argument.
func Flag(target *bool) func(Arguments) error {
	return func(a Arguments) error {
		_, err := a.Take(0, "no argument")
		*target = err == nil
		return err
	}
}

// Duration reads a duration above zero.
func Duration(target *caddy.Duration) func(Arguments) error {
	return func(a Arguments) error {
		args, err := a.Take(1, "one argument")
		if err != nil {
			return err
		}
		return a.Duration(target, args[0])
	}
}

// Count reads a whole number above zero.
func Count(target *int) func(Arguments) error {
	return func(a Arguments) error {
		args, err := a.Take(1, "one argument")
		if err != nil {
			return err
		}
		return a.count(target, args[0])
	}
}

// Rate reads a number and a window, as in 60 1m.
func Rate(number *int, window *caddy.Duration) func(Arguments) error {
	return func(a Arguments) error {
		args, err := a.Take(2, "a number and a window")
		if err != nil {
			return err
		}
		if err := a.count(number, args[0]); err != nil {
			return err
		}
		return a.Duration(window, args[1])
	}
}

// Nested reads a nested block of subdirectives. An empty block is an error.
func Nested(rows ...Subdirective) func(Arguments) error {
	return func(a Arguments) error {
		if _, err := a.Take(0, "a block and no argument"); err != nil {
			return err
		}
		n, err := a.grammar.read(a.Dispenser, a.where+" ", rows)
		if err == nil && n == 0 {
			err = a.Wrong("the block is missing or empty")
		}
		return err
	}
}

// Block reads a block that may follow the arguments.
func (a Arguments) Block(rows []Subdirective) error {
	return a.grammar.Read(a.Dispenser, a.where+" ", rows)
}

// word is a text that an error may repeat: it holds no URL, and so no password of one.
var word = regexp.MustCompile(`^[^:/@?#]{0,40}$`)

// IsWord reports whether an error may repeat a text.
func IsWord(text string) bool { return word.MatchString(text) }

// Quote returns a text for an error, in quotes. It hides an address, which may hold a password.
func Quote(text string) string {
	if !IsWord(text) {
		return "the argument"
	}
	return strconv.Quote(text)
}

// Choice reads a line whose first argument selects a row, such as require loa high. A row that does not
// repeat may occur once in all lines.
func Choice(form string, rows ...Subdirective) func(Arguments) error {
	seen := make(map[string]bool, len(rows))
	return func(a Arguments) error {
		if !a.NextArg() {
			return a.Wrong("takes %s", form)
		}
		name := a.Val()
		row, ok := find(rows, name)
		if !ok {
			return a.Err(a.grammar.unknown(a.where+" ", name, rows))
		}
		if seen[name] && !row.Repeats {
			return a.Errf("%s %s: set twice; remove one", a.where, name)
		}
		seen[name] = true
		a.where, a.example = a.where+" "+name, row.Example
		return row.Read(a)
	}
}

// Duration parses a duration above zero. It refuses zero, which would silently mean the default.
func (a Arguments) Duration(target *caddy.Duration, arg string) error {
	d, err := caddy.ParseDuration(arg)
	if err != nil || d <= 0 {
		return a.Wrong("%s is not a duration above zero", Quote(arg))
	}
	*target = caddy.Duration(d)
	return nil
}

// count parses a whole number above zero. It refuses zero, which would silently mean the default.
func (a Arguments) count(target *int, arg string) error {
	n, err := strconv.Atoi(arg)
	if err != nil || n <= 0 {
		return a.Wrong("%s is not a whole number above zero", Quote(arg))
	}
	*target = n
	return nil
}
