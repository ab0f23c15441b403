package main

import (
	"errors"
	"testing"
)

func TestReplaceTable(t *testing.T) {
	t.Parallel()
	const want = "a\n" + beginMark + "\nnew\n\n" + endMark + "z\n"
	for name, text := range map[string]string{
		"none so far": "a\n" + beginMark + endMark + "z\n",
		"an old one":  "a\n" + beginMark + "\nold\n\n" + endMark + "z\n",
	} {
		if got, err := replace(text, "new\n"); err != nil || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, text := range map[string]string{"no marks": "a\n", "no end": beginMark, "the wrong order": endMark + beginMark} {
		if _, err := replace(text, "new\n"); !errors.Is(err, errMarks) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
