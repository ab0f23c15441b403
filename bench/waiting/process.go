package waiting

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ErrProcess is returned when /proc lacks the statistics of Linux.
var ErrProcess = errors.New("unexpected /proc")

// CPU returns the CPU time, in user and kernel mode, that a process and its children have used so far.
func CPU(pid int) (time.Duration, error) { return cpuTime("/proc", pid) }

// cpuTime returns the sum of utime and stime of /proc/<pid>/stat, but in nanoseconds and not in ticks of
// 10 ms, as /proc/<pid>/task/<tid>/schedstat has it (Documentation/scheduler/sched-stats.rst).
func cpuTime(proc string, pid int) (time.Duration, error) {
	tasks, err := filepath.Glob(filepath.Join(proc, strconv.Itoa(pid), "task", "*"))
	if err != nil || len(tasks) == 0 {
		return 0, fmt.Errorf("%w: process %d has no tasks", ErrProcess, pid)
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
				return 0, fmt.Errorf("%w: a child is no number", ErrProcess)
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
		return 0, fmt.Errorf("%w: schedstat does not begin with a number", ErrProcess)
	}
	return time.Duration(used), nil
}

var residentLine = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)

// Resident returns the bytes of a process that are in memory, from /proc/<pid>/status.
func Resident(pid int) (bytes int64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("reading the memory: %w", err)
	}
	return parseResident(status)
}

func parseResident(status []byte) (bytes int64, err error) {
	line := residentLine.FindSubmatch(status)
	if line == nil {
		return 0, fmt.Errorf("%w: no VmRSS", ErrProcess)
	}
	kib, err := strconv.ParseInt(string(line[1]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrProcess, err)
	}
	return kib << 10, nil
}
