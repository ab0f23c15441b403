// Package repotest reads files of the repository for tests, by their path from its root.
package repotest

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Main runs the tests of a package in the root of the repository.
func Main(m *testing.M) {
	for {
		if _, err := os.Stat("module.go"); err == nil {
			os.Exit(m.Run())
		}
		here, err := os.Getwd()
		if err == nil && filepath.Dir(here) == here {
			err = errors.New("no module.go above the tests")
		}
		if err = cmp.Or(err, os.Chdir("..")); err != nil {
			panic(err)
		}
	}
}

// ReadFile returns the text of a file of the repository.
func ReadFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// FilesMatching returns the files below a folder whose base name matches a pattern, without the folders of .gitignore.
// It fails the test without any: a check of no files would pass.
func FilesMatching(t *testing.T, folder, pattern string) (found []string) {
	t.Helper()
	ignored := ignoredFolders(t)
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if ignored(path) {
				return fs.SkipDir
			}
			return nil
		}
		if ok, err := filepath.Match(pattern, entry.Name()); err != nil || ok {
			found = append(found, path)
			return err
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("looking for %s in %s: found %d, error %v", pattern, folder, len(found), err)
	}
	return found
}

// ignoredFolders reports whether a folder is git's, or one of .gitignore: builds and package managers write there.
func ignoredFolders(t *testing.T) func(path string) bool {
	t.Helper()
	patterns := []string{"/.git"}
	for line := range strings.Lines(ReadFile(t, ".gitignore")) {
		if pattern, ok := strings.CutSuffix(strings.TrimSpace(line), "/"); ok {
			patterns = append(patterns, strings.TrimPrefix(pattern, "**/"))
		}
	}
	return func(path string) bool {
		path = "/" + filepath.ToSlash(path)
		return slices.ContainsFunc(patterns, func(pattern string) bool {
			if strings.HasPrefix(pattern, "/") {
				return path == pattern
			}
			return strings.HasSuffix(path, "/"+pattern)
		})
	}
}
