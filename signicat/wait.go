package signicat

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// The wait between two reads of a session is 1 to 3 seconds, as in Signicat's guide. It is random, so
// that logins which began together do not read together.
// Source: https://developer.signicat.com/identity-methods/itsme/integration/app2app/
const (
	minReadInterval = time.Second
	maxReadInterval = 3 * time.Second
)

// WaitForSession reads a session at once, and again every 1 to 3 seconds, until its status is
// terminal. It continues after [ErrUnavailable], [ErrRateLimited] and [ErrInvalidResponse], not before
// Signicat's Retry-After, and returns any other error.
//
// When ctx ends first, it returns the last session that it read, or nil. The error then wraps that of
// ctx, and that of the latest read if it failed.
// Give ctx a deadline: WaitForSession waits without end on a status that this package does not know.
func (c *Client) WaitForSession(ctx context.Context, id string) (*Session, error) {
	var last *Session
	var failure error
	for {
		s, err := c.Session(ctx, id)
		switch {
		case err == nil:
			last, failure = s, nil
		case ctx.Err() != nil:
			// Our own deadline ended the read: Signicat did not fail.
		case !passing(err):
			return last, err
		default:
			failure = err
		}
		if last != nil && last.Status.Terminal() {
			return last, nil
		}
		wait := minReadInterval + rand.N(maxReadInterval-minReadInterval)
		select {
		case <-time.After(atLeastRetryAfter(wait, failure)):
		case <-ctx.Done():
			return last, waitEnded(ctx.Err(), failure)
		}
	}
}

func waitEnded(end, failure error) error {
	if failure != nil {
		return fmt.Errorf("waiting for session: %w: %w", end, failure)
	}
	return fmt.Errorf("waiting for session: %w", end)
}

// passing reports whether the same read may succeed later.
func passing(err error) bool {
	return errors.Is(err, ErrUnavailable) || errors.Is(err, ErrRateLimited) || errors.Is(err, ErrInvalidResponse)
}
