package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// example is a module with a defence, and tests of it.
var example = map[string]string{
	"go.mod": "module example\n\ngo 1.26\n",
	"door/door.go": `package door

// Open reports whether a key opens the door.
func Open(key string) (ok bool) {
	if key == "stolen" {
		return false
	}
	return key == "mine" || locked("") && false
}

func locked(key string) bool { return Names["door"] != key }

var Names = map[string]string{
	"door": "front",
}
`,
	"door/door_test.go": `package door

import (
	"os"
	"strings"
	"testing"
)

func TestStolenKeyDoesNotOpen(t *testing.T) {
	if Open("stolen") {
		t.Error("opened")
	}
}

func TestOwnKeyOpens(t *testing.T) {
	if !Open("mine") {
		t.Error("not opened")
	}
}

func TestRulesForbid(t *testing.T) {
	rules, err := os.ReadFile("../docs/rules.md")
	if err != nil || !strings.Contains(string(rules), "forbid") {
		t.Error(err)
	}
}

func TestAlwaysFails(t *testing.T) { t.Error("fails") }
`,
	"docs/rules.md": "Rules:\nforbid everything\n",
}

// examplePatches has a mutation that a test notices, some that no test notices, and some that cannot be tried.
const examplePatches = `row: an example

mutation: the defence
fails: TestStolenKeyDoesNotOpen
 if key == "stolen" {
-return false
+return true

mutation: nothing is changed
fails: TestStolenKeyDoesNotOpen
 if key == "stolen" {
-return false
+return false

mutation: another test's defence
fails: TestStolenKeyDoesNotOpen, TestOwnKeyOpens
-if key == "stolen" {
+if key == "" {

mutation: a panic
fails: TestStolenKeyDoesNotOpen, TestOwnKeyOpens
-if key == "stolen" {
+if key == "stolen" { panic(key) }
+if key == "" {

mutation: a function of one line
fails: TestStolenKeyDoesNotOpen
-func locked(key string) bool { return Names["door"] != key }
+func locked(key string) bool { panic(key) }
@@
 if key == "stolen" {
-return false
+return locked(key)

mutation: a rule that is no code
fails: TestRulesForbid
-forbid everything

mutation: what does not compile
fails: TestStolenKeyDoesNotOpen
 if key == "stolen" {
-return false
+return 1

mutation: lines that are not there
fails: TestStolenKeyDoesNotOpen
-return maybe

mutation: lines outside a function
fails: TestStolenKeyDoesNotOpen
-"door": "front",

mutation: a test that is not there
fails: TestNoDoor
 if key == "stolen" {
-return false
`

func writeExample(t *testing.T) *source {
	t.Helper()
	root := t.TempDir()
	for name, text := range example {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := readSource(root)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tried(t *testing.T, patches string) ([]outcome, error) {
	t.Helper()
	r, err := parseRow("example.txt", patches)
	if err != nil {
		t.Fatal(err)
	}
	return try(t.Context(), writeExample(t), r.Mutations, t.TempDir(), t.Output())
}

// TestSurvivorIsReported tries a defence that a test notices, changes that no test notices, and patches
// that cannot be tried.
func TestSurvivorIsReported(t *testing.T) {
	t.Parallel()
	outcomes, err := tried(t, examplePatches)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"the defence":              "noticed",
		"nothing is changed":       "survived TestStolenKeyDoesNotOpen",
		"another test's defence":   "survived TestStolenKeyDoesNotOpen TestOwnKeyOpens",
		"a panic":                  "survived TestOwnKeyOpens",
		"a function of one line":   "noticed",
		"a rule that is no code":   "noticed",
		"what does not compile":    "does not compile",
		"lines that are not there": "its old lines do not stand exactly once in the product",
		"lines outside a function": "its old lines stand outside any function",
		"a test that is not there": "it names a test that does not exist",
	}
	got := make(map[string]string)
	for _, o := range outcomes {
		switch {
		case o.Err != nil:
			got[o.Mutation.Name], _, _ = strings.Cut(o.Err.Error(), ":")
		case !o.Noticed():
			got[o.Mutation.Name] = "survived " + strings.Join(o.Survived(), " ")
		default:
			got[o.Mutation.Name] = "noticed"
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes differ (-want +got):\n%s", diff)
	}
	if report(t.Output(), outcomes) {
		t.Error("the report says that all is well")
	}
	if !report(t.Output(), slices.DeleteFunc(outcomes, func(o outcome) bool { return !o.Noticed() })) {
		t.Error("the report of noticed mutations says that something is wrong")
	}
}

// TestFailingTestShowsNothing: a test that fails without a mutation cannot notice one.
func TestFailingTestShowsNothing(t *testing.T) {
	t.Parallel()
	_, err := tried(t, `row: an example

mutation: the defence
fails: TestAlwaysFails
 if key == "stolen" {
-return false
+return true
`)
	if err == nil || !strings.Contains(err.Error(), "TestAlwaysFails fail without a mutation") {
		t.Errorf("the error is %v", err)
	}
}

// TestPatchesAreReadStrictly reads texts that are no patch: they are refused, and not skipped.
func TestPatchesAreReadStrictly(t *testing.T) {
	t.Parallel()
	for _, row := range []string{
		"fails: TestOne\n", "mutation: x\n-a\n+b\n", "mutation: x\nfails: TestOne\n+b\n",
		"mutation: x\nfails: TestOne\n-a\nb\n", "mutation: x\nfails: TestOne\n-a\n@@\n+b\n",
	} {
		if _, err := parseRow("example.txt", "row: an example\n"+row); err == nil {
			t.Errorf("%q is read", row)
		}
	}
}
