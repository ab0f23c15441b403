//go:build !race

// The race detector changes the heap. The Makefile runs this package once more without it.

package store_test

import "testing"

// TestFootprint is not parallel: it measures the heap of the whole process.
func TestFootprint(t *testing.T) {
	const goal = 1229 // 1.2 KiB
	if got := perRecord(t, 100_000); got > goal {
		t.Errorf("%.0f bytes a record, want up to %d", got, goal)
	} else {
		t.Logf("%.0f bytes a record", got)
	}
}
