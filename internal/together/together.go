// Package together makes several calls at once, so that the longest of them decides how long all take.
package together

import "sync"

// Do makes all calls at once, and returns when all have returned. A store in Redis sends what they ask
// for in one round trip.
func Do(calls ...func()) {
	if len(calls) == 0 {
		return
	}
	var others sync.WaitGroup
	for _, call := range calls[1:] {
		others.Go(call)
	}
	calls[0]()
	others.Wait()
}
