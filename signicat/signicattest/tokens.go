package signicattest

import "time"

// maxTokens bounds the access tokens that are remembered; the oldest goes first.
const maxTokens = 10_000

// tokens are the access tokens that are good, in the order of their end.
type tokens struct {
	ends  map[string]time.Time
	order []string
}

func newTokens() tokens { return tokens{ends: map[string]time.Time{}} }

func (t *tokens) add(token string, end, now time.Time) {
	for len(t.order) > 0 && (len(t.order) >= maxTokens || !now.Before(t.ends[t.order[0]])) {
		delete(t.ends, t.order[0])
		t.order = t.order[1:]
	}
	t.ends[token] = end
	t.order = append(t.order, token)
}

// RevokeAccessTokens refuses every access token of the API that was issued so far.
func (s *Server) RevokeAccessTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = newTokens()
}
