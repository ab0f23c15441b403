package redis

import "context"

// What the tests look for in the log's findings.
var (
	ErrEvicts        = errEvicts
	ErrPolicyUnknown = errPolicyUnknown
)

// Check looks at every server, as the store does once it is connected.
func (s *Store) Check(ctx context.Context) error { return s.check(ctx) }
