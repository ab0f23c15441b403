package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// The marks around the table in a file.
const (
	beginMark = "<!-- begin: make bench -->\n"
	endMark   = "<!-- end: make bench -->\n"
)

// errMarks is returned when a file lacks the marks.
var errMarks = errors.New("the file has no marks for the table")

// replace puts a table between the marks of a text.
func replace(text, table string) (string, error) {
	before, rest, ok := strings.Cut(text, beginMark)
	_, after, ends := strings.Cut(rest, endMark)
	if !ok || !ends {
		return "", errMarks
	}
	return before + beginMark + "\n" + table + "\n" + endMark + after, nil
}

// writeInto replaces the table in a file.
func writeInto(file, table string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	replaced, err := replace(string(text), table)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, []byte(replaced), 0o644)
}

// setting describes the machine and the versions of the measurement.
func setting(rounds int) string {
	return fmt.Sprintf("Measured on %s: %s, %d cores, %s, Caddy %s, commit %s; %d rounds of %d requests a server, %d connections.\n\n",
		time.Now().UTC().Format(time.DateOnly), processor(), runtime.NumCPU(), runtime.Version(),
		moduleVersion("github.com/caddyserver/caddy/v2"), commit(), rounds, perRun, connections)
}

// processor returns the name of the processor.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(name, "\t :\n")
		}
	}
	return runtime.GOARCH
}

// moduleVersion returns the version of a dependency of the servers.
func moduleVersion(path string) string {
	return output("go", "list", "-m", "-f", "{{.Version}}", path)
}

func commit() string { return output("git", "describe", "--always", "--dirty") }

func output(command ...string) string {
	text, err := exec.Command(command[0], command[1:]...).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}
