package signicat

// DecodeSession lets a fuzz target read a session without network and goroutines.
var DecodeSession = decodeSession

// NewDialer returns the dialer of a client whose Config has none.
var NewDialer = newDialer

// Outcomes returns all values of Call.Outcome.
var Outcomes = allOutcomes

// MaxRetryAfter bounds Error.RetryAfter.
const MaxRetryAfter = maxRetryAfter
