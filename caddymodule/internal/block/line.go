package block

import (
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// Line returns the line of a block that an error is about, or the block's first line. Such an error begins with a
// subdirective, as in "token lifetime: ..." or "require loa: ...", and quotes the argument that is wrong. Block is
// at the end of that first line.
func Line(block caddyfile.Dispenser, text string) *caddyfile.Dispenser {
	s := search{text: text, line: block}
	s.read(&block, "")
	return &s.line
}

// search looks for the line that fits a text best.
type search struct {
	text string
	line caddyfile.Dispenser
	fit  int
}

func (s *search) read(d *caddyfile.Dispenser, prefix string) {
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		line, path := *d, prefix+d.Val()
		if fit := s.fitOf(path, d.RemainingArgs()); fit > s.fit {
			s.line, s.fit = line, fit
		}
		s.read(d, path+" ")
	}
}

// fitOf returns how well a line fits: by its subdirective, its first argument, and the arguments in quotes.
func (s *search) fitOf(path string, args []string) (fit int) {
	if !s.beginsWith(path) {
		return 0
	}
	fit = len(path)
	for i, arg := range args {
		if i == 0 && s.beginsWith(path+" "+arg) || strings.Contains(s.text, strconv.Quote(arg)) {
			fit++
		}
	}
	return fit
}

func (s *search) beginsWith(path string) bool {
	rest, ok := strings.CutPrefix(s.text, path)
	return ok && rest != "" && strings.ContainsAny(rest[:1], ": ")
}
