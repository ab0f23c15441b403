package repotest_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
)

var (
	testInCommand    = regexp.MustCompile(`\b(?:Test|Benchmark)[A-Z][A-Za-z]+`)
	packageInCommand = regexp.MustCompile(` \./([a-z/-]+)`)
)

// TestMakefileRunsTestsThatExist: go test succeeds when -run matches no test.
func TestMakefileRunsTestsThatExist(t *testing.T) {
	t.Parallel()
	const least = 8 // a Makefile without them must fail
	checked := 0
	for line := range strings.Lines(repotest.ReadFile(t, "Makefile") + repotest.ReadFile(t, ".ci/rehearse")) {
		names, folder := testInCommand.FindAllString(line, -1), packageInCommand.FindStringSubmatch(line)
		if !strings.Contains(line, "go test ") || len(names) == 0 {
			continue
		}
		if folder == nil {
			t.Errorf("%q names no package", line)
			continue
		}
		dir := folder[1]
		if strings.Contains(line, "cd test &&") {
			dir = filepath.Join("test", dir)
		}
		for _, name := range names {
			checked++
			if !slices.ContainsFunc(repotest.FilesMatching(t, dir, "*_test.go"), func(file string) bool { return declares(t, file, name) }) {
				t.Errorf("%s has no %s, which %q runs", dir, name, strings.TrimSpace(line))
			}
		}
	}
	if checked < least {
		t.Errorf("%d names of tests were found", checked)
	}
}
