//go:build !race

// One goroutine fills the store to its bound, so that the race detector would find nothing. The Makefile runs this
// package once more without it.

package store

import (
	"strconv"
	"testing"
	"time"
)

// TestSubjectsAreBounded enrolls a login of ever more subjects: those whose logins end first go.
func TestSubjectsAreBounded(t *testing.T) {
	t.Parallel()
	m := NewMemory(time.Now)
	defer m.Close()
	now := time.Now()
	for i := range MaxSubjects + shardCount {
		if err := m.Enroll(t.Context(), strconv.Itoa(i), "login", now.Add(time.Hour+time.Duration(i))); err != nil {
			t.Fatal(err)
		}
	}
	if n := size(t, m.enrolled); n > MaxSubjects {
		t.Errorf("%d subjects, want up to %d", n, MaxSubjects)
	}
	if logins, err := m.WithdrawAll(t.Context(), strconv.Itoa(MaxSubjects+shardCount-1)); len(logins) != 1 || err != nil {
		t.Errorf("the last one is gone: %v", err)
	}
}
