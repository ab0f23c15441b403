package doctor

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDoctorPageNamesEveryFinding compares the table in the operator's page with the code's.
func TestDoctorPageNamesEveryFinding(t *testing.T) {
	t.Parallel()
	var want []string
	for _, kind := range kinds() {
		remedy := strings.ReplaceAll(kind.remedy, "<", `\<`) // GitHub would take <name> for HTML
		want = append(want, strings.TrimSpace(fmt.Sprintf("| `%s` | %s | %s", kind.name, kind.level, remedy))+" |")
	}
	page, err := os.ReadFile("../../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| Finding | Level | Remedy |\n|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	if diff := cmp.Diff(want, strings.Split(table, "\n")); diff != "" {
		t.Errorf("the table differs (-code +page):\n%s", diff)
	}
}

// TestFindingsFitALine has a server answer with control characters, which the doctor must not show.
func TestFindingsFitALine(t *testing.T) {
	t.Parallel()
	got := find(redisMayEvict, "a\tb\r\nc\x1b[2J\u009b\u202ed é")
	if got.Message != "a b  c [2J  d é" || got.Level != Problem || got.Remedy == "" {
		t.Errorf("got %+v", got)
	}
}

// TestFindingsAreDifferent checks that no name stands for two things, and that whatever is wrong
// has a remedy.
func TestFindingsAreDifferent(t *testing.T) {
	t.Parallel()
	seen := make(map[Name]bool)
	for _, kind := range kinds() {
		if seen[kind.name] {
			t.Errorf("%s is there twice", kind.name)
		}
		seen[kind.name] = true
		if (kind.level == OK) != (kind.remedy == "") {
			t.Errorf("%s: %s with the remedy %q", kind.name, kind.level, kind.remedy)
		}
	}
}
