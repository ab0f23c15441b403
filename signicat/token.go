package signicat

import (
	"context"
	"sync"
	"time"
)

const (
	// maxEarly is how long before its end an access token is renewed; a tenth of a short life.
	maxEarly = time.Minute
	// renewalPause keeps a failed early renewal from being tried again with every call.
	renewalPause = 5 * time.Second
)

// accessToken is a Signicat access token. To us it is opaque but for the account in it.
type accessToken struct {
	value     string
	accountID string
	renewAt   time.Time
	expiresAt time.Time
}

// tokenSource keeps the Signicat access token. golang.org/x/oauth2's source does not fit: it holds
// every waiter until its one fixed context ends, and its errors quote the body and hide the cause.
type tokenSource struct {
	fetch func(context.Context) (accessToken, error)
	now   func() time.Time

	mu      sync.Mutex
	current accessToken // the zero value has expired
	renewal *renewal    // nil when none is going on
}

// renewal is one request for an access token, shared by all who wait for it.
type renewal struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when token and err are there
	token  accessToken
	err    error
}

// token returns a good access token. Nobody waits for an early renewal: it goes on beside the
// calls, which keep using the good token until it expires, even if the renewal fails.
func (s *tokenSource) token(ctx context.Context) (accessToken, error) {
	s.mu.Lock()
	current, now := s.current, s.now()
	good := now.Before(current.expiresAt)
	if good && now.Before(current.renewAt) {
		s.mu.Unlock()
		return current, nil
	}
	r := s.renewLocked(ctx)
	s.mu.Unlock()
	if good {
		return current, nil
	}
	return r.wait(ctx)
}

// replace returns an access token other than the one that Signicat refused: the one that
// somebody else got meanwhile, or a new one.
func (s *tokenSource) replace(ctx context.Context, refused accessToken) (accessToken, error) {
	s.mu.Lock()
	if s.current.value == refused.value {
		s.current = accessToken{}
	}
	s.mu.Unlock()
	return s.token(ctx)
}

// renewLocked returns the renewal that is going on, or starts one. It is not cut short by the
// caller that happened to start it, since others come to wait for it; fetch has its own deadline.
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

// wait returns the renewal's outcome. A ctx that ends ends this wait only.
func (r *renewal) wait(ctx context.Context) (accessToken, error) {
	select {
	case <-r.done:
		return r.token, r.err
	case <-ctx.Done():
		return accessToken{}, &Error{Operation: OperationAccessToken, Err: lost(ctx, ctx.Err())}
	}
}

// stop ends a renewal that is going on, and waits for its end.
func (s *tokenSource) stop() {
	s.mu.Lock()
	r := s.renewal
	s.mu.Unlock()
	if r != nil {
		r.cancel()
		<-r.done
	}
}
