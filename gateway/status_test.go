package gateway

import (
	"strconv"
	"testing"
	"time"
)

// TestRememberedReadsAreBounded reads a new session every 20 ms, as the default budget allows, for an hour.
func TestRememberedReadsAreBounded(t *testing.T) {
	t.Parallel()
	var reads statusReads
	now := time.Now()
	for i := range 180_000 {
		now = now.Add(20 * time.Millisecond)
		if !reads.due(strconv.Itoa(i), now, func() bool { return true }) {
			t.Fatalf("session %d is not due", i)
		}
		if n := len(reads.last); n > maxReads+int(statusEvery/(20*time.Millisecond)) {
			t.Fatalf("%d reads are remembered", n)
		}
	}
}

func TestSessionIsReadOnceInAWhile(t *testing.T) {
	t.Parallel()
	var reads statusReads
	start := time.Now()
	for _, row := range []struct {
		id    string
		after time.Duration
		spare bool // the budget allows a read
		want  bool
	}{
		{"a", 0, true, true},
		{"a", time.Second, true, false},
		{"b", time.Second, false, false},
		{"b", time.Second, true, true},
		{"a", 2 * time.Second, true, true},
		{"b", 2 * time.Second, true, false},
	} {
		if got := reads.due(row.id, start.Add(row.after), func() bool { return row.spare }); got != row.want {
			t.Errorf("%s after %s: %t, want %t", row.id, row.after, got, row.want)
		}
	}
}
