package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	tableRow  = regexp.MustCompile("(?m)^\\| (.+) \\| (`(?:Test|Fuzz).*`) \\|$")
	namedTest = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")
)

// threats returns the tests of each row of SECURITY.md.
func threats(t *testing.T) map[string][]string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string][]string)
	for _, r := range tableRow.FindAllStringSubmatch(string(page), -1) {
		for _, test := range namedTest.FindAllStringSubmatch(r[2], -1) {
			rows[r[1]] = append(rows[r[1]], test[1])
		}
	}
	return rows
}

func patches(t *testing.T) []row {
	t.Helper()
	rows, err := readPatches("testdata")
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// maxThreat is the number of words that name one attack. A row that needs more is two rows.
const maxThreat = 25

// TestEveryRowIsTried checks that each row of SECURITY.md has a mutation, and that each of its tests is named
// by one of them or by elsewhere.
func TestEveryRowIsTried(t *testing.T) {
	t.Parallel()
	named := threats(t)
	tried := make(map[string]bool)
	for _, r := range patches(t) {
		tests, ok := named[r.Threat]
		if !ok || tried[r.Threat] || len(r.Mutations) == 0 {
			t.Errorf("%q is no row of SECURITY.md, has two files, or has no mutation", r.Threat)
		}
		tried[r.Threat] = true
		failing := slices.Collect(maps.Keys(r.Elsewhere))
		for _, m := range r.Mutations {
			failing = append(failing, m.Fails...)
		}
		slices.Sort(failing)
		if diff := cmp.Diff(slices.Sorted(slices.Values(tests)), slices.Compact(failing)); diff != "" {
			t.Errorf("%q: the row and its mutations name other tests (-SECURITY.md +mutations):\n%s", r.Threat, diff)
		}
	}
	for threat := range named {
		if !tried[threat] {
			t.Errorf("SECURITY.md's row %q has no mutation in internal/mutate/testdata", threat)
		}
		if words := len(strings.Fields(threat)); words > maxThreat {
			t.Errorf("SECURITY.md's row %q has %d words, want at most %d", threat, words, maxThreat)
		}
	}
}

// TestEveryMutationFindsItsPlace finds the lines of every mutation. Code and tests may move. A change of these
// lines changes a defence, and so its mutation.
func TestEveryMutationFindsItsPlace(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	s, err := readSource(root)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, m := range mutationsOf(patches(t)) {
		if seen[m.ID()] {
			t.Errorf("%s stands there twice", m.ID())
		}
		seen[m.ID()] = true
		if _, err := s.places(m); err != nil {
			t.Errorf("%s: %v", m.ID(), err)
		}
		for _, test := range m.Fails {
			if _, err := s.folders(test); err != nil {
				t.Errorf("%s: %v", m.ID(), err)
			}
		}
	}
}
