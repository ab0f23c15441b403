package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tried is a block of commands in a page, with the output that the page shows.
type tried struct{ commands, prints string }

// triedBlock is both, with nothing between them but empty lines.
var triedBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$(?:\n+```text\n(.*?)^```$)?")

// TestMobilePageLogsIn runs the commands of docs/mobile.md in their order, and compares the output.
func TestMobilePageLogsIn(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/mobile.md")
	if err != nil {
		t.Fatal(err)
	}
	p := newProgram(t, onFreePorts...)
	gateway := address(t, p.serve(t))
	blocks := triedBlocks(strings.ReplaceAll(string(page), "http://127.0.0.1:8080", gateway))
	if len(blocks) < 15 || blocks[0].commands != "go run ./cmd/caddy-itsme demo\n" {
		t.Fatalf("%d blocks, and the first one does not start the demo", len(blocks))
	}
	printed := pasteBlocks(t, blocks[1:])
	for i, block := range blocks[1:] {
		if block.prints != "" && !pattern(block.prints).MatchString(printed[i]) {
			t.Errorf("%s\nprinted\n%s\nand not\n%s", block.commands, printed[i], block.prints)
		}
	}
	p.interrupt(t)
	p.leftNothing(t)
}

func triedBlocks(page string) (blocks []tried) {
	for _, found := range triedBlock.FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, tried{found[1], found[2]})
	}
	return blocks
}

// pattern matches output that a page shows. … stands for any text.
func pattern(text string) *regexp.Regexp {
	parts := strings.Split(text, "…")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^(?s:" + strings.Join(parts, ".+") + ")$")
}

// pasteBlocks runs all blocks in one shell, and returns the output of each.
func pasteBlocks(t *testing.T, blocks []tried) []string {
	t.Helper()
	const end = "\x1e"
	var lines strings.Builder
	for _, block := range blocks {
		lines.WriteString(block.commands + "printf '" + end + "'\n")
	}
	bash := exec.CommandContext(t.Context(), "bash")
	bash.Stdin = strings.NewReader(lines.String())
	var stderr bytes.Buffer
	bash.Stderr = &stderr
	printed, err := bash.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("bash: %v\n%s", err, stderr.String())
	}
	all := strings.Split(string(printed), end)
	if len(all) != len(blocks)+1 {
		t.Fatalf("%d blocks printed %d parts:\n%s", len(blocks), len(all), printed)
	}
	return all[:len(blocks)]
}

// mobileCore is the folder of the TypeScript core, and of its tests.
const mobileCore = "../../examples/mobile/typescript"

// TestMobileCoreLogsIn runs the tests of the TypeScript core under Node, against the demo.
func TestMobileCoreLogsIn(t *testing.T) {
	t.Parallel()
	vectors, err := filepath.Abs("../../examples/mobile/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	compiled := t.TempDir()
	compile := exec.CommandContext(t.Context(), "node", "node_modules/typescript/bin/tsc", "--outDir", compiled)
	compile.Dir = mobileCore
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("compiling: %v; run `make test`, or `npm ci` in examples/mobile/typescript\n%s", err, out)
	}
	p := newProgram(t, onFreePorts...)
	seen := filepath.Join(t.TempDir(), "transitions")
	env := append(os.Environ(), "ITSME_GATEWAY="+address(t, p.serve(t)), "ITSME_VECTORS="+vectors)
	for _, run := range []struct{ file, env string }{
		{"itsme.test.js", "ITSME_TRANSITIONS=" + seen},
		{"itsme.test.js", "ITSME_KEY=yes"}, // every app has a key
		{"dpop.test.js", ""},
	} {
		tests := exec.CommandContext(t.Context(), "node", "--test", filepath.Join(compiled, "test", run.file))
		tests.Env = append(slices.Clip(env), run.env)
		if out, err := tests.CombinedOutput(); err != nil || !mobileCorePassed.Match(out) {
			t.Fatalf("%s %s: %v\n%s", run.file, run.env, err, out)
		}
	}
	p.interrupt(t)
	transitions, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(strings.SplitSeq(string(transitions), "\n"))
	if diff := cmp.Diff(stateMachine(t), got); diff != "" {
		t.Errorf("the core changes its state in other ways than docs/mobile-code.md says (-page +core):\n%s", diff)
	}
}

var (
	stateRow  = regexp.MustCompile("(?m)^\\| (`[a-z_]+`(?:, `[a-z_]+`)*) \\|.*\\| (`[a-z_]+`(?:, `[a-z_]+`)*) \\|$")
	stateName = regexp.MustCompile("`([a-z_]+)`")
)

// stateMachine returns the transitions in the page's table, sorted, each as two names.
func stateMachine(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/mobile-code.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## The state machine\n")
	section, _, _ = strings.Cut(section, "\n## ")
	transitions := map[string]bool{}
	for _, row := range stateRow.FindAllStringSubmatch(section, -1) {
		for _, from := range stateName.FindAllStringSubmatch(row[1], -1) {
			for _, to := range stateName.FindAllStringSubmatch(row[2], -1) {
				if from[1] != to[1] {
					transitions[from[1]+" "+to[1]] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(transitions))
}

// mobileCorePassed is the end of a run in which tests ran.
var mobileCorePassed = regexp.MustCompile(`(?m)^# pass [1-9]\d+$`)
