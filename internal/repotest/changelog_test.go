package repotest_test

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
)

var (
	release       = regexp.MustCompile(`^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$`)
	kindOfChange  = regexp.MustCompile(`^### (Added|Changed|Deprecated|Removed|Fixed|Security)$`)
	referenceLink = regexp.MustCompile(`(?m)^\[([^]]+)\]: https://`)
)

// TestChangelogIsInOrder checks that Unreleased comes first, then the releases in order, each with the kinds of
// change of Keep a Changelog and with a link.
func TestChangelogIsInOrder(t *testing.T) {
	t.Parallel()
	text := repotest.ReadFile(t, "CHANGELOG.md")
	var versions []string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch found := release.FindStringSubmatch(line); {
		case line == "## [Unreleased]":
			versions = append(versions, "Unreleased")
		case found != nil:
			versions = append(versions, found[1])
		case strings.HasPrefix(line, "##") && !kindOfChange.MatchString(line):
			t.Errorf("%q is no release and no kind of change", line)
		}
	}
	if len(versions) == 0 || slices.Index(versions, "Unreleased") != 0 {
		t.Errorf("the releases are %v; Unreleased comes first", versions)
	}
	var linked []string
	for _, found := range referenceLink.FindAllStringSubmatch(text, -1) {
		linked = append(linked, found[1])
	}
	if !slices.Equal(versions, linked) {
		t.Errorf("the releases are %v, the links %v", versions, linked)
	}
}

// TestReleaseNotes checks that a release has the notes of CHANGELOG, and that make notes fails without them.
func TestReleaseNotes(t *testing.T) {
	t.Parallel()
	notes := exec.CommandContext(t.Context(), "make", "-s", "notes", "VERSION=vUnreleased")
	printed, err := notes.Output()
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(repotest.ReadFile(t, "CHANGELOG.md"), "## [Unreleased]\n")
	if text := string(printed); !strings.HasPrefix(after, text) || !strings.Contains(text, "### ") || strings.Contains(text, "[Unreleased]:") {
		t.Errorf("the notes are not that part of CHANGELOG.md:\n%s", text)
	}
	for _, version := range []string{"", "v0.0", "v0.0.0-unknown"} {
		if err := exec.CommandContext(t.Context(), "make", "-s", "notes", "VERSION="+version).Run(); err == nil {
			t.Errorf("there are notes of %q", version)
		}
	}
}
