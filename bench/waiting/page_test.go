package waiting_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	makeCommand = regexp.MustCompile("make (measure-[a-z]+)")
	measureTest = regexp.MustCompile(`(?m)-tags measure .*-run '\^(TestMeasure[A-Za-z]+)\$\$'`)
)

// TestPageNamesCommandsThatExist checks that a reader of docs/capacity.md can measure its figures again.
func TestPageNamesCommandsThatExist(t *testing.T) {
	t.Parallel()
	page, makefile := read(t, "../../docs/capacity.md"), read(t, "../../Makefile")
	commands := makeCommand.FindAllStringSubmatch(page, -1)
	if len(commands) < 2 {
		t.Errorf("the page names %d commands that measure", len(commands))
	}
	for _, command := range commands {
		if !strings.Contains(makefile, "\n"+command[1]+": ") {
			t.Errorf("there is no make %s", command[1])
		}
	}
	programs := read(t, "apps_measure_test.go") + read(t, "pending_measure_test.go")
	tests := measureTest.FindAllStringSubmatch(makefile, -1)
	if len(tests) != 2 {
		t.Errorf("the Makefile runs %d measurements", len(tests))
	}
	for _, name := range tests {
		if !strings.Contains(programs, "\nfunc "+name[1]+"(") {
			t.Errorf("there is no %s", name[1])
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
