package htmltest_test

import (
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/htmltest"
)

// TestBadDocumentIsReported: a checker that finds nothing in a page full of mistakes would find nothing anywhere.
func TestBadDocumentIsReported(t *testing.T) {
	t.Parallel()
	const good = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>x</title></head><body><p>x</p></body></html>`
	bad := strings.Replace(good, "<p>", `<p id="x"><a rel="noreferrer" id="x">x</a><p style="colour:red">`, 1)
	found := strings.Join(htmltest.Check(t, map[string]string{"good": good, "bad": bad}), "\n")
	for _, want := range []string{"bad, line 1: ", "Duplicate ID", "rel", "colour"} {
		if !strings.Contains(found, want) {
			t.Errorf("the checker does not report %q:\n%s", want, found)
		}
	}
	if strings.Contains(found, "good, ") {
		t.Errorf("the checker reports what is right:\n%s", found)
	}
}
