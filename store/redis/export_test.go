package redis

// What the tests look for in the log's findings.
var (
	ErrEvicts        = errEvicts
	ErrPolicyUnknown = errPolicyUnknown
)
