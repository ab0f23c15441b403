package waiting

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"
)

// clockTick is the unit of times in /proc on Linux: USER_HZ is 100 everywhere that Go runs.
const clockTick = 10 * time.Millisecond

// ErrProcess is returned when /proc does not say what it should of a process.
var ErrProcess = errors.New("unexpected /proc")

// CPU is the time that a process has run, in user and kernel mode, from /proc/<pid>/stat.
func CPU(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("reading the CPU time: %w", err)
	}
	return parseCPU(stat)
}

// parseCPU adds the 14th and 15th field up. The second is a name in parentheses that may hold
// blanks and parentheses itself.
func parseCPU(stat []byte) (time.Duration, error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("%w: %d fields after the name", ErrProcess, len(fields))
	}
	var ticks time.Duration
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrProcess, err)
		}
		ticks += time.Duration(n)
	}
	return ticks * clockTick, nil
}

var residentLine = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)

// Resident is how many bytes of a process are in memory, from /proc/<pid>/status.
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
