package waiting

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// procWith is a folder like /proc.
func procWith(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCPUTimeOfThreadsAndChildren(t *testing.T) {
	t.Parallel()
	proc := procWith(t, map[string]string{
		"10/task/10/schedstat": "1000 7 1\n", "10/task/10/children": "20 ",
		"10/task/11/schedstat": "200 7 1\n", "10/task/11/children": "",
		"20/task/20/schedstat": "30 7 1\n", "20/task/20/children": "",
		"30/task/30/schedstat": "999 7 1\n", "30/task/30/children": "",
	})
	got, err := cpuTime(proc, 10)
	if err != nil || got != 1230 {
		t.Errorf("got %d, %v, want 1230", got, err)
	}
}

func TestCPUTimeRefuses(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"a process that is gone":  {"11/task/11/schedstat": "1 1 1"},
		"words for numbers":       {"10/task/10/schedstat": "many 1 1", "10/task/10/children": ""},
		"words for children":      {"10/task/10/schedstat": "1 1 1", "10/task/10/children": "some"},
		"children without number": {"10/task/10/schedstat": "1 1 1", "10/task/10/children": "x20"},
	} {
		if _, err := cpuTime(procWith(t, files), 10); !errors.Is(err, ErrProcess) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCPUTimeGrows reads that of this process while it works.
func TestCPUTimeGrows(t *testing.T) {
	t.Parallel()
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for used, began := time.Duration(0), time.Now(); used < 10*time.Millisecond; {
		after, err := CPU(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		used = after - before
		if used < 0 || time.Since(began) > time.Minute {
			t.Fatalf("%s of CPU after %s", used, time.Since(began))
		}
	}
}

func TestParseResident(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		status  string
		want    int64
		wantErr error
	}{
		"a process":                       {"Name:\tcaddy\nVmHWM:\t  9000 kB\nVmRSS:\t    1234 kB\nThreads:\t9\n", 1234 << 10, nil},
		"a thread of the kernel has none": {"Name:\tkthreadd\nThreads:\t1\n", 0, ErrProcess},
		"more than there is":              {"VmRSS:\t99999999999999999999 kB\n", 0, ErrProcess},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := parseResident([]byte(row.status)); got != row.want || !errors.Is(err, row.wantErr) {
				t.Errorf("%d, %v, want %d, %v", got, err, row.want, row.wantErr)
			}
		})
	}
}
