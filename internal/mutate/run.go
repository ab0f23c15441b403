package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// testTimeout ends a test that waits without end because of a mutation.
const testTimeout = "120s"

// outcome has the results of the tests that a mutation should fail.
type outcome struct {
	Mutation mutation
	Err      error // the mutation could not be tried
	failed   map[string]bool
}

// Survived are the tests that pass all the same, in every package that has one of that name.
func (o outcome) Survived() (tests []string) {
	for _, test := range o.Mutation.Fails {
		if !o.failed[test] {
			tests = append(tests, test)
		}
	}
	return tests
}

// Noticed reports whether every named test fails.
func (o outcome) Noticed() bool { return o.Err == nil && len(o.Survived()) == 0 }

// try applies each mutation by itself, and runs its tests. It writes a line to progress for each
// package of a mutation.
func try(ctx context.Context, s *source, mutations []mutation, work string, progress io.Writer) ([]outcome, error) {
	broken := make(map[int]error)
	jobs := plan(s, mutations, broken)
	var folders []string
	for _, j := range jobs {
		folders = append(folders, j.folder)
	}
	slices.Sort(folders)
	programs, err := build(s, mutations, slices.Compact(folders), work, broken)
	if err != nil {
		return nil, err
	}
	if err := passUnchanged(ctx, programs, jobs); err != nil {
		return nil, err
	}
	outcomes := make([]outcome, len(mutations))
	for i, m := range mutations {
		outcomes[i] = outcome{Mutation: m, Err: broken[i], failed: make(map[string]bool)}
	}
	var mu sync.Mutex
	inParallel(jobs, func(n int, j job) {
		if broken[j.mutation] != nil {
			return
		}
		p, err := programs[j.folder].where(s, mutations[j.mutation], filepath.Join(work, fmt.Sprintf("%d-%d", j.mutation, n)))
		var passed []string
		if err == nil {
			passed, _ = p.run(ctx, strconv.Itoa(j.mutation), j.tests)
		}
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintf(progress, "%s: %d of %d tests fail\n", mutations[j.mutation].ID(), len(j.tests)-len(passed), len(j.tests))
		for _, test := range j.tests {
			if !slices.Contains(passed, test) {
				outcomes[j.mutation].failed[test] = true
			}
		}
		if err != nil {
			outcomes[j.mutation].Err = err
		}
	})
	return outcomes, ctx.Err()
}

// job has the tests of one package that a mutation should fail.
type job struct {
	mutation int
	folder   string
	tests    []string
}

func plan(s *source, mutations []mutation, broken map[int]error) (jobs []job) {
	for i, m := range mutations {
		byFolder := make(map[string][]string)
		for _, test := range m.Fails {
			folders, err := s.folders(test)
			if err != nil {
				broken[i] = err
				break
			}
			for _, folder := range folders {
				byFolder[folder] = append(byFolder[folder], test)
			}
		}
		for folder, tests := range byFolder {
			jobs = append(jobs, job{i, folder, tests})
		}
	}
	return jobs
}

// passUnchanged returns an error when a test fails without a mutation: its failure would prove nothing.
func passUnchanged(ctx context.Context, programs map[string]program, jobs []job) error {
	var failed []string
	for folder, p := range programs {
		var tests []string
		for _, j := range jobs {
			if j.folder == folder {
				tests = append(tests, j.tests...)
			}
		}
		slices.Sort(tests)
		tests = slices.Compact(tests)
		passed, output := p.run(ctx, "", tests)
		for _, test := range tests {
			if !slices.Contains(passed, test) {
				failed = append(failed, test)
			}
		}
		if len(failed) > 0 {
			return fmt.Errorf("%s fail without a mutation:\n%s", strings.Join(failed, ", "), output)
		}
	}
	return nil
}

// inParallel calls work for each job, as many at a time as there are processors.
func inParallel(jobs []job, work func(n int, j job)) {
	var wait sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for n, j := range jobs {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			work(n, j)
		})
	}
	wait.Wait()
}

var passLine = regexp.MustCompile(`(?m)^--- PASS: (\S+)`)

// run returns the tests that pass with a mutation; the empty one changes nothing. A test that did not
// end, because another one crashed the program, runs again by itself.
func (p program) run(ctx context.Context, mutation string, tests []string) (passed []string, output []byte) {
	args := []string{"-test.v", "-test.timeout=" + testTimeout, "-test.run=^(" + strings.Join(tests, "|") + ")$"}
	if p.rapid {
		args = append(args, "-rapid.nofailfile")
	}
	command := exec.CommandContext(ctx, p.binary, args...)
	command.Dir = p.folder
	command.Env = append(os.Environ(), variable+"="+mutation, "GOFLAGS="+p.flags)
	command.WaitDelay = time.Second // for what a crashed test left running and still writes
	end := inGroup(command)
	output, _ = command.CombinedOutput()
	end()
	for _, match := range passLine.FindAllStringSubmatch(string(output), -1) {
		passed = append(passed, match[1])
	}
	if len(tests) == 1 || mutation == "" {
		return passed, output
	}
	for _, test := range tests {
		if !slices.Contains(passed, test) && !strings.Contains(string(output), "--- FAIL: "+test+" ") {
			alone, _ := p.run(ctx, mutation, []string{test})
			passed = append(passed, alone...)
		}
	}
	return passed, output
}
