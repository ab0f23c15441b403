package repotest_test

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestProgramsPrintTheirVersion builds both programs as make dist does, for this system, and compares their version
// with the output of `go version -m`.
func TestProgramsPrintTheirVersion(t *testing.T) {
	t.Parallel()
	for program, row := range map[string]struct {
		argument string
		want     func(*debug.BuildInfo) string
	}{
		"caddy-itsme": {"version", func(info *debug.BuildInfo) string {
			i := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == "github.com/caddyserver/caddy/v2" })
			return fmt.Sprintf("caddy-itsme %s with Caddy %s %s", info.Main.Version, info.Deps[i].Version, info.Deps[i].Sum)
		}},
		"signicat-sim": {"-version", func(info *debug.BuildInfo) string {
			return "signicat-sim " + info.Main.Version
		}},
	} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			file := build(t, program)
			info, err := buildinfo.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if git, err := os.Stat(".git"); err == nil && git.IsDir() && !strings.HasPrefix(info.Main.Version, "v") {
				t.Errorf("built from a repository, it is stamped %q", info.Main.Version)
			}
			printed, err := exec.CommandContext(t.Context(), file, row.argument).Output()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want(info), strings.TrimSpace(string(printed))); diff != "" {
				t.Errorf("it says otherwise (-stamp +printed):\n%s", diff)
			}
		})
	}
}

// build returns a program of this repository. Go stamps it where this is a clone; it does not
// where this is a git worktree or no repository at all.
func build(t *testing.T, program string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), program+".exe")
	command := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=auto", "-o", file, "./cmd/"+program)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return file
}
