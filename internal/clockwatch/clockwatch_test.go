package clockwatch_test

import (
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/clockwatch"
)

// TestWatch moves a clock away from its peer's and back. One that stays at the limit changes once.
func TestWatch(t *testing.T) {
	t.Parallel()
	var w clockwatch.Watch
	if _, known := w.Ahead(); known {
		t.Error("a comparison is known before the first one")
	}
	const limit = time.Minute
	for i, step := range []struct {
		ahead        time.Duration
		off, changed bool
	}{
		{0, false, false},
		{limit, false, false},
		{limit + 1, true, true},
		{limit, true, false},
		{limit + 1, true, false},
		{50 * time.Second, false, true},
		{-limit - 1, true, true},
		{-limit, true, false},
		{-50 * time.Second, false, true},
	} {
		off, changed := w.Note(step.ahead, limit)
		if off != step.off || changed != step.changed {
			t.Errorf("step %d, %v: off %v, changed %v", i, step.ahead, off, changed)
		}
		if ahead, known := w.Ahead(); ahead != step.ahead || !known {
			t.Errorf("step %d: ahead %v, known %v", i, ahead, known)
		}
	}
}
