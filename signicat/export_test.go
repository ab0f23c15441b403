package signicat

// DecodeSession lets a fuzz target read a session without network and goroutines.
var DecodeSession = decodeSession

// NewDialer returns the dialer of a client whose Config has none.
var NewDialer = newDialer

// Outcomes returns all values of Call.Outcome.
func Outcomes() []string {
	all := []string{OutcomeOK, outcomeAbandoned, outcomeOther}
	for _, o := range outcomes {
		all = append(all, o.word)
	}
	return all
}

// MaxRetryAfter bounds Error.RetryAfter.
const MaxRetryAfter = maxRetryAfter
