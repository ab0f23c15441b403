package pending

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// MaxSubjects is how many subjects with running logins [Memory] knows at once. Beyond it, the
// subjects whose logins end first go, and [Memory.WithdrawAll] returns none of their logins.
const MaxSubjects = 1 << 18

// enrolled is one running login of a subject.
type enrolled struct {
	login string
	until int64 // Unix nanoseconds
}

// Enroll implements [Store].
func (m *Memory) Enroll(ctx context.Context, subject, login string, until time.Time) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	s := m.logins.shard(subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	var logins []enrolled
	if e := s.find(subject); e != nil {
		logins = m.running(e.value, login)
		s.remove(e)
	}
	logins = append(logins, enrolled{strings.Clone(login), until.UnixNano()})
	slices.SortFunc(logins, func(a, b enrolled) int { return cmp.Compare(a.until, b.until) })
	logins = slices.Clone(logins[max(0, len(logins)-MaxLogins):])
	s.addWithin(MaxSubjects, subject, logins, logins[len(logins)-1].until)
	return nil
}

// Withdraw implements [Store].
func (m *Memory) Withdraw(ctx context.Context, subject, login string) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	s := m.logins.shard(subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(subject)
	if e == nil {
		return nil
	}
	if e.value = m.running(e.value, login); len(e.value) == 0 {
		s.remove(e)
	}
	return nil
}

// WithdrawAll implements [Store].
func (m *Memory) WithdrawAll(ctx context.Context, subject string) (logins []string, err error) {
	if err := m.ready(ctx); err != nil {
		return nil, err
	}
	s := m.logins.shard(subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(subject)
	if e == nil {
		return nil, nil
	}
	for _, l := range m.running(e.value, "") {
		logins = append(logins, l.login)
	}
	s.remove(e)
	return logins, nil
}

// running returns the logins that have not ended, without the one that is named.
func (m *Memory) running(logins []enrolled, but string) []enrolled {
	now := m.now().UnixNano()
	return slices.DeleteFunc(logins, func(l enrolled) bool { return l.until <= now || l.login == but })
}
