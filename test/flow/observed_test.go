package flow_test

import (
	"sync"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/pending"
)

// seen is what an observer was told, in a few words each.
type seen struct {
	mu   sync.Mutex
	told []string
}

func (s *seen) note(words ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, words...)
}

// take is what was told since it was asked for last.
func (s *seen) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := s.told
	s.told = nil
	return told
}

func (s *seen) watch(c *gateway.Config) {
	c.Observe = gateway.Observer{
		Request: func(d gateway.Decision) { s.note("request " + d.String()) },
		Verification: func(v gateway.Verification) {
			words := "token " + v.Result.String()
			if v.Kind == pending.Browser {
				words = "cookie " + v.Result.String()
			}
			if v.Kept {
				words += " kept"
			}
			s.note(words)
		},
		Refusal:    func(code string) { s.note("refusal " + code) },
		Revocation: func(v pending.Revocation) { s.note("revocation " + v.ID) },
	}
}
