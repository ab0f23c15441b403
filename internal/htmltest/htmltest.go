// Package htmltest checks HTML with the Nu Html Checker, which validator.w3.org runs.
package htmltest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// message is one finding of the checker, in its JSON format.
type message struct {
	Type     string
	SubType  string
	URL      string
	LastLine int
	Message  string
	Extract  string
}

// Validate reports every error and warning in documents, by their names. It starts Java once for all of them.
func Validate(t testing.TB, documents map[string]string) {
	t.Helper()
	for _, wrong := range Check(t, documents) {
		t.Error(wrong)
	}
}

// Check returns a sentence for every error and warning in documents.
func Check(t testing.TB, documents map[string]string) (wrong []string) {
	t.Helper()
	dir, names := t.TempDir(), make(map[string]string, len(documents))
	for name, document := range documents {
		file := filepath.Join(dir, fmt.Sprintf("%d.html", len(names)))
		names[filepath.Base(file)] = name
		if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, here, _, _ := runtime.Caller(0)
	jar := filepath.Join(filepath.Dir(here), "../../test/node/node_modules/vnu-jar/build/dist/vnu.jar")
	if _, err := os.Stat(jar); err != nil {
		t.Fatalf("npm's vnu-jar: %v; run `make test`, or `npm ci` in test/node", err)
	}
	checker := exec.Command("java", "-jar", jar, "--format", "json", "--exit-zero-always", dir)
	found, err := checker.StderrPipe()
	if err == nil {
		err = checker.Start()
	}
	if err != nil {
		t.Fatalf("starting java: %v; install Debian's default-jre-headless, or run `make test`, which does", err)
	}
	var report struct{ Messages []message }
	if err := json.NewDecoder(found).Decode(&report); err != nil {
		t.Fatalf("reading what the checker found: %v", err)
	}
	if err := checker.Wait(); err != nil {
		t.Fatalf("the checker: %v", err)
	}
	for _, m := range report.Messages {
		if m.Type == "info" && m.SubType != "warning" {
			continue
		}
		wrong = append(wrong, fmt.Sprintf("%s, line %d: %s: %s", names[filepath.Base(m.URL)], m.LastLine, m.Message, strings.TrimSpace(m.Extract)))
	}
	return wrong
}
