package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// program has the compiled tests of one package, with all mutations.
type program struct {
	folder string // of the package
	binary string
	flags  string // for the go commands that tests run
	rapid  bool   // package rapid must not write down what fails
}

// build compiles the tests of folders. A mutation that does not compile is recorded as broken and
// left out.
func build(s *source, mutations []mutation, folders []string, work string, broken map[int]error) (map[string]program, error) {
	for {
		files := weave(s, mutations, broken)
		overlay, err := writeOverlay(work, files)
		if err != nil {
			return nil, err
		}
		programs, output, err := buildAll(s, folders, work, overlay)
		if err == nil {
			return programs, nil
		}
		if !blame(output, files, broken) {
			return nil, fmt.Errorf("%w\n%s", err, output)
		}
	}
}

func buildAll(s *source, folders []string, work, overlay string) (map[string]program, []byte, error) {
	programs := make(map[string]program)
	for i, folder := range folders {
		binary := filepath.Join(work, fmt.Sprintf("%d.test", i))
		flags := strings.TrimSpace(os.Getenv("GOFLAGS") + " -overlay=" + overlay)
		command := exec.Command("go", "test", "-c", "-gcflags=-e", "-ldflags=-s -w", "-vet=off", "-o", binary, ".")
		command.Dir = folder
		command.Env = append(os.Environ(), "GOFLAGS="+flags)
		if output, err := command.CombinedOutput(); err != nil {
			return nil, output, fmt.Errorf("building the tests of %s: %w", folder, err)
		}
		programs[folder] = program{folder, binary, flags, s.rapid[folder]}
	}
	return programs, nil, nil
}

// compileError matches a line of the compiler about a woven file.
var compileError = regexp.MustCompile(`(?m)(woven_\d+\.go):(\d+):(?:\d+:)? (.*)$`)

// blame marks the mutations whose copies do not compile, and reports whether it found one.
func blame(output []byte, files []woven, broken map[int]error) (found bool) {
	for _, match := range compileError.FindAllStringSubmatch(string(output), -1) {
		line, err := strconv.Atoi(match[2])
		i := slices.IndexFunc(files, func(w woven) bool { return w.name == match[1] })
		if err != nil || i < 0 {
			continue
		}
		for _, c := range files[i].copies {
			if c.first <= line && line <= c.last && broken[c.mutation] == nil {
				broken[c.mutation] = fmt.Errorf("%w: %s", errNotCompiled, match[3])
				found = true
			}
		}
	}
	return found
}
