package browsertest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Axe is axe-core, which checks the accessibility of pages.
type Axe string

// LoadAxe reads axe-core from test/node.
func LoadAxe(t testing.TB) Axe {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	source, err := os.ReadFile(filepath.Join(filepath.Dir(here), "../../node/node_modules/axe-core/axe.min.js"))
	if err != nil {
		t.Fatalf("reading npm's axe-core: %v; run `make test`, or `npm ci` in test/node", err)
	}
	return Axe(source)
}

// rules are those of WCAG 2.2 at level AA, and the best practices of axe.
const rules = `["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]`

// Audit returns what axe finds wrong on the page.
func (p *Page) Audit(axe Axe) []string {
	p.t.Helper()
	if !Evaluate[bool](p, `typeof axe === "object"`) {
		Evaluate[bool](p, string(axe)+"; true")
	}
	return Evaluate[[]string](p, `axe.run({runOnly: `+rules+`}).then(found => found.violations.map(v => v.id + ": " + v.nodes.map(n => n.html + " " + n.failureSummary).join(" | ")))`)
}

// Overflow returns by how many pixels the page is wider than the window.
func (p *Page) Overflow() int {
	p.t.Helper()
	return Evaluate[int](p, "document.documentElement.scrollWidth - document.documentElement.clientWidth")
}

// Moving counts the elements, and the contents of ::before and ::after, that an animation or a transition moves.
func (p *Page) Moving() int {
	p.t.Helper()
	return Evaluate[int](p, `[...document.querySelectorAll("*")].flatMap(e => [null, "::before", "::after"].map(part => getComputedStyle(e, part))).filter(s => s.animationName !== "none" || parseFloat(s.transitionDuration) > 0).length`)
}

// Unseen returns the elements that a keyboard reaches without an outline of 2 px, in the order of the Tab key, as
// "a#link" and its text.
func (p *Page) Unseen() (unseen []string) {
	p.t.Helper()
	p.Script(`document.activeElement.blur()`)
	n := Evaluate[int](p, `[...document.querySelectorAll("a[href],button,[tabindex='0']")].filter(e => e.checkVisibility()).length`)
	for range n {
		p.Key("\t")
		if Evaluate[int](p, `(s => s.outlineStyle === "none" ? 0 : parseInt(s.outlineWidth))(getComputedStyle(document.activeElement))`) < 2 {
			unseen = append(unseen, Evaluate[string](p, `(() => { const e = document.activeElement; return e.tagName.toLowerCase() + (e.id && "#" + e.id) + " " + e.textContent.trim() })()`))
		}
	}
	return unseen
}

// Check returns what is wrong with a page in a small window, with large text, with reduced motion and for a keyboard.
// It resizes the window to that of a phone.
func (p *Page) Check() (wrong []string) {
	p.t.Helper()
	report := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	p.Width(320)
	if n := p.Overflow(); n > 0 {
		report("%d px too wide for 320 px", n)
	}
	p.Resize(true)
	p.Script(`document.documentElement.style.fontSize = "200%"`)
	if n := p.Overflow(); n > 0 {
		report("%d px too wide with text twice as large", n)
	}
	p.Script(`document.documentElement.style.fontSize = ""`)
	p.Media("prefers-reduced-motion", "reduce")
	if n := p.Moving(); n > 0 {
		report("%d elements move", n)
	}
	if unseen := p.Unseen(); len(unseen) > 0 {
		report("the focus cannot be seen on %s", strings.Join(unseen, ", "))
	}
	return wrong
}

func quote(text string) string {
	quoted, _ := json.Marshal(text) // a string always can be
	return string(quoted)
}
