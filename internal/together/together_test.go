package together_test

import (
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/together"
)

// TestCallsRunAtOnce: each call waits for the next one, and the last for none.
func TestCallsRunAtOnce(t *testing.T) {
	t.Parallel()
	together.Do()
	var made [3]bool
	begun := [3]chan struct{}{make(chan struct{}), make(chan struct{}), make(chan struct{})}
	call := func(i int) func() {
		return func() {
			close(begun[i])
			if i+1 < len(begun) {
				<-begun[i+1]
			}
			made[i] = true
		}
	}
	together.Do(call(0), call(1), call(2))
	if made != [3]bool{true, true, true} {
		t.Errorf("made %v", made)
	}
}
