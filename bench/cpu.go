package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// errProc is returned when /proc lacks the scheduler statistics of Linux.
var errProc = errors.New("/proc is not understood")

// cpuTime returns the CPU time, in user and kernel mode, that a process and its children have used so far.
// It is the sum of utime and stime of /proc/<pid>/stat, but in nanoseconds and not in ticks of
// 10 ms, as /proc/<pid>/task/<tid>/schedstat has it (Documentation/scheduler/sched-stats.rst).
func cpuTime(proc string, pid int) (time.Duration, error) {
	tasks, err := filepath.Glob(filepath.Join(proc, strconv.Itoa(pid), "task", "*"))
	if err != nil || len(tasks) == 0 {
		return 0, fmt.Errorf("%w: process %d has no tasks", errProc, pid)
	}
	var total time.Duration
	for _, task := range tasks {
		used, err := taskTime(task)
		if err != nil {
			return 0, err
		}
		total += used
		children, err := os.ReadFile(filepath.Join(task, "children"))
		if err != nil {
			return 0, fmt.Errorf("reading children: %w", err)
		}
		for child := range strings.FieldsSeq(string(children)) {
			id, err := strconv.Atoi(child)
			if err != nil {
				return 0, fmt.Errorf("%w: a child is no number", errProc)
			}
			used, err := cpuTime(proc, id)
			if err != nil {
				return 0, err
			}
			total += used
		}
	}
	return total, nil
}

// taskTime returns the CPU time of one thread, the first of the numbers.
func taskTime(task string) (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join(task, "schedstat"))
	if err != nil {
		return 0, fmt.Errorf("reading schedstat: %w", err)
	}
	first, _, _ := strings.Cut(string(text), " ")
	used, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: schedstat does not begin with a number", errProc)
	}
	return time.Duration(used), nil
}
