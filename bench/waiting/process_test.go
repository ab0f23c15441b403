package waiting

import (
	"errors"
	"testing"
	"time"
)

func TestParseCPU(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		stat    string
		want    time.Duration
		wantErr error
	}{
		"a process":             {"7 (caddy) S 1 7 7 0 -1 4194560 900 0 3 0 150 25 0 0 20 0 9 0 88 1 2", 1750 * time.Millisecond, nil},
		"a name of parentheses": {"7 (a) 9 (b c) S 1 7 7 0 -1 4194560 900 0 3 0 1 2 0 0 20", 30 * time.Millisecond, nil},
		"cut off":               {"7 (caddy) S 1 7", 0, ErrProcess},
		"no numbers":            {"7 (caddy) S 1 7 7 0 -1 4194560 900 0 3 0 x y 0", 0, ErrProcess},
		"nothing":               {"", 0, ErrProcess},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := parseCPU([]byte(row.stat)); got != row.want || !errors.Is(err, row.wantErr) {
				t.Errorf("%s, %v, want %s, %v", got, err, row.want, row.wantErr)
			}
		})
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
