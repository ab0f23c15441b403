package repotest_test

import (
	"os"
	"os/exec"
	"path/filepath"
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

// TestChangelogBeginsARelease moves what is unreleased below a version, as a release does, and reads its notes.
func TestChangelogBeginsARelease(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	before := repotest.ReadFile(t, "CHANGELOG.md")
	for name, text := range map[string]string{"CHANGELOG.md": before, "Makefile": repotest.ReadFile(t, "Makefile")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runMake := func(target, version string) (string, error) {
		command := exec.CommandContext(t.Context(), "make", "-s", "-C", dir, target, "VERSION="+version)
		printed, err := command.Output()
		return string(printed), err
	}
	for _, version := range []string{"", "1.2.3", "v1.2", "v1.2.3-rc.1", "v1.2.3\n", "v1.2.3]"} {
		if _, err := runMake("changelog", version); err == nil {
			t.Errorf("a release may be named %q", version)
		}
	}
	if after := repotest.ReadFile(t, filepath.Join(dir, "CHANGELOG.md")); after != before {
		t.Error("a refused version changes CHANGELOG.md")
	}
	for _, version := range []string{"v1.2.3", "v1.3.0"} {
		if _, err := runMake("changelog", version); err != nil {
			t.Fatal(err)
		}
	}
	after := repotest.ReadFile(t, filepath.Join(dir, "CHANGELOG.md"))
	for _, want := range []string{"## [Unreleased]\n\n## [1.3.0] - ", "\n\n## [1.2.3] - ", "/commits/main\n[1.3.0]: https://", "/v1.3.0\n[1.2.3]: https://"} {
		if !strings.Contains(after, want) {
			t.Errorf("there is no %q in CHANGELOG.md", want)
		}
	}
	if _, err := runMake("changelog", "v1.2.3"); err == nil {
		t.Error("a version is released twice")
	}
	notes, err := runMake("notes", "v1.2.3")
	unreleased, ownErr := exec.CommandContext(t.Context(), "make", "-s", "notes", "VERSION=vUnreleased").Output()
	if err != nil || ownErr != nil || notes != string(unreleased) {
		t.Errorf("the notes are not what was unreleased: %v, %v\n%s", err, ownErr, notes)
	}
}
