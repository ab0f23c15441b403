//go:build clients

package clients_test

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"testing"
)

const mobile = root + "/examples/mobile"

// TestKotlinAppLogsIn compiles the Kotlin core and Android's part of it, and runs the core's tests
// against the demo.
func TestKotlinAppLogsIn(t *testing.T) {
	t.Parallel()
	vectors, err := filepath.Abs(mobile + "/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(mobile+"/kotlin")); err != nil {
		t.Fatal(err)
	}
	run(t, dir, []string{"ITSME_GATEWAY=" + startDemo(t), "ITSME_VECTORS=" + vectors}, "mvn", "--batch-mode", "--quiet", "test")
	if n := testsIn(t, dir+"/core/target/surefire-reports/*.xml"); n < 35 {
		t.Errorf("JUnit ran %d tests", n)
	}
	if _, err := os.Stat(dir + "/android/target/classes/be/example/app/LoginActivity.class"); err != nil {
		t.Errorf("Android's part was not compiled: %v", err)
	}
}

// testsIn counts the tests in JUnit's reports.
func testsIn(t *testing.T, pattern string) (total int) {
	t.Helper()
	reports, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range reports {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var suite struct {
			Tests   int `xml:"tests,attr"`
			Skipped int `xml:"skipped,attr"`
		}
		if err := xml.Unmarshal(text, &suite); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		total += suite.Tests - suite.Skipped
	}
	return total
}

// TestBindingsCompile checks the bindings for Expo and Capacitor against their packages.
func TestBindingsCompile(t *testing.T) {
	t.Parallel()
	dir := mobile + "/typescript/bindings"
	for _, project := range []string{"tsconfig.expo.json", "tsconfig.capacitor.json"} {
		run(t, dir, nil, "node", "node_modules/typescript/bin/tsc", "--project", project)
	}
}
