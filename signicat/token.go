package signicat

import (
	"context"
	"sync"
	"time"
)

const (
	// maxEarly is the time before its end at which an access token is renewed; a tenth of a short lifetime.
	maxEarly = time.Minute
	// renewalPause is the wait after a failed early renewal.
	renewalPause = 5 * time.Second
)

// accessToken is a Signicat access token. It is opaque except for its account.
type accessToken struct {
	value     string
	accountID string
	renewAt   time.Time
	expiresAt time.Time
}

// tokenSource keeps the Signicat access token. golang.org/x/oauth2's source does not fit: all waiters
// share one fixed context, and its errors quote the body and hide the cause.
type tokenSource struct {
	fetch func(context.Context) (accessToken, error)
	now   func() time.Time

	mu      sync.Mutex
	current accessToken // the zero value has expired
	renewal *renewal    // nil when none is running
}

// renewal is one request for an access token, shared by all waiting calls.
type renewal struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when token and err are set
	token  accessToken
	err    error
}

// token returns a valid access token. No call waits for an early renewal: calls use the valid token
// until it expires, even if the renewal fails.
func (s *tokenSource) token(ctx context.Context) (accessToken, error) {
	s.mu.Lock()
	current, now := s.current, s.now()
	valid := now.Before(current.expiresAt)
	if valid && now.Before(current.renewAt) {
		s.mu.Unlock()
		return current, nil
	}
	r := s.renewLocked(ctx)
	s.mu.Unlock()
	if valid {
		return current, nil
	}
	return r.wait(ctx)
}

// replace returns another access token than the one that Signicat refused: one that another call
// got meanwhile, or a new one.
func (s *tokenSource) replace(ctx context.Context, refused accessToken) (accessToken, error) {
	s.mu.Lock()
	if s.current.value == refused.value {
		s.current = accessToken{}
	}
	s.mu.Unlock()
	return s.token(ctx)
}

// renewLocked returns the running renewal, or starts one. The end of its first caller does not cancel
// it, because others may wait for it; fetch has its own deadline.
func (s *tokenSource) renewLocked(ctx context.Context) *renewal {
	if s.renewal != nil {
		return s.renewal
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &renewal{cancel: cancel, done: make(chan struct{})}
	s.renewal = r
	go func() {
		defer cancel()
		token, err := s.fetch(ctx)
		s.settle(r, token, err)
	}()
	return r
}

func (s *tokenSource) settle(r *renewal, token accessToken, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.current = token
	} else {
		s.current.renewAt = s.now().Add(atLeastRetryAfter(renewalPause, err))
	}
	r.token, r.err = token, err
	s.renewal = nil
	close(r.done)
}

// wait returns the result of the renewal. The end of ctx ends this wait only.
func (r *renewal) wait(ctx context.Context) (accessToken, error) {
	select {
	case <-r.done:
		return r.token, r.err
	case <-ctx.Done():
		return accessToken{}, &Error{Operation: OperationAccessToken, Err: lost(ctx, ctx.Err())}
	}
}

// stop cancels a running renewal, and waits for its end.
func (s *tokenSource) stop() {
	s.mu.Lock()
	r := s.renewal
	s.mu.Unlock()
	if r != nil {
		r.cancel()
		<-r.done
	}
}
