//go:build !race

// One goroutine fills the store to its bound, so that the race detector would find nothing. The Makefile runs this
// package once more without it.

package store

import (
	"strconv"
	"testing"
	"time"
)

// TestFamiliesAreBounded: a user who logs in over and over must not fill the memory. The families that
// end first go.
func TestFamiliesAreBounded(t *testing.T) {
	t.Parallel()
	m := NewMemory(time.Now)
	defer m.Close()
	now := time.Now()
	for i := range MaxFamilies + shardCount {
		f := &Family{ID: strconv.Itoa(i), ExpiresAt: now.Add(time.Hour + time.Duration(i))}
		if err := m.CreateFamily(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	if n := size(t, m.families); n > MaxFamilies {
		t.Errorf("%d families, want up to %d", n, MaxFamilies)
	}
	if _, err := m.LoadFamily(t.Context(), strconv.Itoa(MaxFamilies+shardCount-1)); err != nil {
		t.Errorf("the last one is gone: %v", err)
	}
}
