package repotest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// workflow has the keys of GitHub's workflow syntax that this project uses. Another key is an error.
// Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
type workflow struct {
	Name        string
	On          map[string]any
	Permissions map[string]string
	Concurrency struct {
		Group  string
		Cancel bool `yaml:"cancel-in-progress"`
	}
	Jobs map[string]job
}

type job struct {
	RunsOn         string `yaml:"runs-on"`
	TimeoutMinutes int    `yaml:"timeout-minutes"`
	Needs          string
	Strategy       map[string]any
	Permissions    map[string]string
	Env            map[string]string
	Steps          []step
}

type step struct {
	Name, Uses, Run string
	With, Env       map[string]string
}

// workflows returns all workflows, by the name of their file.
func workflows(t *testing.T) map[string]workflow {
	t.Helper()
	found := make(map[string]workflow)
	for _, file := range repotest.FilesMatching(t, ".github/workflows", "*") {
		found[filepath.Base(file)] = readYAML[workflow](t, file)
	}
	return found
}

// readYAML refuses unknown and duplicate keys.
func readYAML[T any](t *testing.T, file string) (content T) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(repotest.ReadFile(t, file)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&content); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return content
}

// mayWrite has the jobs whose token may change something, and what it may change.
var mayWrite = map[string][]string{
	"release.yml publish": {"attestations", "contents", "id-token"},
}

// TestWorkflowTokensCanDoLittle checks the rights of tokens: an attacker who gets code into a job, by a dependency
// or a pull request, gets its token.
func TestWorkflowTokensCanDoLittle(t *testing.T) {
	t.Parallel()
	for file, w := range workflows(t) {
		if w.Permissions == nil || len(w.Permissions) > 0 {
			t.Errorf("%s: permissions is not {}", file)
		}
		if _, ok := w.On["pull_request_target"]; ok {
			t.Errorf("%s gives what a stranger sends a token of this repository", file)
		}
		for name, j := range w.Jobs {
			var writes []string
			for scope, access := range j.Permissions {
				if access != "read" {
					writes = append(writes, scope)
				}
			}
			slices.Sort(writes)
			if diff := cmp.Diff(mayWrite[file+" "+name], writes); diff != "" {
				t.Errorf("%s: job %s may write something else (-want +got):\n%s", file, name, diff)
			}
			if len(writes) > 0 && slices.ContainsFunc(j.Steps, isOurs) {
				t.Errorf("%s: job %s may write, and runs what is in the repository", file, name)
			}
		}
	}
}

// isOurs reports whether a step runs code of the repository.
func isOurs(s step) bool {
	return strings.HasPrefix(s.Uses, "actions/checkout@") || strings.Contains(s.Run, "make ")
}

func TestWorkflowJobsEnd(t *testing.T) {
	t.Parallel()
	for file, w := range workflows(t) {
		if w.Name == "" || w.Concurrency.Group == "" {
			t.Errorf("%s has no name or no concurrency", file)
		}
		for name, j := range w.Jobs {
			if j.TimeoutMinutes == 0 || j.RunsOn != "ubuntu-24.04" {
				t.Errorf("%s: job %s runs for %d minutes on %q", file, name, j.TimeoutMinutes, j.RunsOn)
			}
		}
	}
}

var (
	used = regexp.MustCompile(`(?m)^ +(?:- )?uses: (.*)$`)
	// pinned matches an action at a commit, because a tag can be moved to other code. A comment names the release, for
	// readers and for Dependabot.
	pinned = regexp.MustCompile(`^([a-z-]+/[a-z-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)$`)
)

func TestActionsArePinned(t *testing.T) {
	t.Parallel()
	at := make(map[string]string)
	for _, file := range repotest.FilesMatching(t, ".github/workflows", "*") {
		for _, use := range used.FindAllStringSubmatch(repotest.ReadFile(t, file), -1) {
			action := pinned.FindStringSubmatch(use[1])
			if action == nil {
				t.Errorf("%s: %s is not pinned", file, use[1])
				continue
			}
			if other, ok := at[action[1]]; ok && other != action[2] {
				t.Errorf("%s: %s is at %s elsewhere", file, use[1], other)
			}
			at[action[1]] = action[2]
		}
	}
	if len(at) == 0 {
		t.Error("no workflow uses an action")
	}
}

// TestWorkflowSteps checks that a checkout does not keep its token, that Go is the one of go.mod, that no script
// has text of a stranger, and that make has the targets.
func TestWorkflowSteps(t *testing.T) {
	t.Parallel()
	makefile, goMod := repotest.ReadFile(t, "Makefile"), repotest.ReadFile(t, "go.mod")
	for where, s := range allSteps(t) {
		if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != "false" {
			t.Errorf("%s keeps the checkout's token", where)
		}
		if version, ok := s.With["go-version"]; ok && !strings.Contains(goMod, "\ngo "+strings.TrimSuffix(version, "x")) {
			t.Errorf("%s has Go %s", where, version)
		}
		if strings.Contains(s.Run, "${{") {
			t.Errorf("%s pastes an expression into a script", where)
		}
		for _, target := range makeTarget.FindAllStringSubmatch(s.Run, -1) {
			if !strings.Contains(makefile, "\n"+target[1]+":") {
				t.Errorf("%s runs make %s, which the Makefile does not have", where, target[1])
			}
		}
	}
}

// allSteps returns the steps of every workflow, by their place.
func allSteps(t *testing.T) map[string]step {
	t.Helper()
	found := make(map[string]step)
	for file, w := range workflows(t) {
		for name, j := range w.Jobs {
			for i, s := range j.Steps {
				found[fmt.Sprintf("%s: %s: step %d", file, name, 1+i)] = s
			}
		}
	}
	return found
}

var makeTarget = regexp.MustCompile(`\bmake (?:-s )?([a-z-]+)`)

// ecosystems maps a kind of file with versions to Dependabot's name for it.
var ecosystems = map[string]string{"go.mod": "gomod", "package.json": "npm", "pom.xml": "maven", "requirements.txt": "pip", "*Dockerfile": "docker"}

// TestDependabotLooksEverywhere checks that Dependabot reads every file with versions.
func TestDependabotLooksEverywhere(t *testing.T) {
	t.Parallel()
	config := readYAML[struct {
		Version int
		Updates []struct {
			Ecosystem   string `yaml:"package-ecosystem"`
			Directory   string
			Directories []string
			Schedule    struct{ Interval string }
			Groups      map[string]struct{ Patterns []string }
		}
	}](t, ".github/dependabot.yml")
	looked := []string{}
	for _, u := range config.Updates {
		for _, folder := range append(u.Directories, u.Directory) {
			if _, err := os.Stat("." + folder); err != nil {
				t.Error(err)
			}
			if folder != "" {
				looked = append(looked, u.Ecosystem+" "+folder)
			}
		}
	}
	want := []string{"github-actions /"}
	for file, ecosystem := range ecosystems {
		for _, found := range repotest.FilesMatching(t, ".", file) {
			want = append(want, ecosystem+" "+filepath.ToSlash(filepath.Dir("/"+found)))
		}
	}
	slices.Sort(want)
	want = slices.Compact(want)
	slices.Sort(looked)
	if diff := cmp.Diff(want, looked); diff != "" {
		t.Errorf("Dependabot looks elsewhere (-needed +looked):\n%s", diff)
	}
}
