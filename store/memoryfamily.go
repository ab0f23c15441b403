package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// MaxFamilies bounds the families in a [Memory]. Beyond it, the families that expire first go: their
// users log in with itsme again.
const MaxFamilies = 1 << 18

// MaxSubjects bounds the subjects with running logins in a [Memory]. Beyond it, the subjects whose logins
// end first go, and [Memory.WithdrawAll] returns none of their logins.
const MaxSubjects = 1 << 18

// memoryFamilies implements [Families] for a [Memory].
type memoryFamilies struct {
	*memoryState
	families *table[heldFamily]
	enrolled *table[[]enrolled] // of each subject, due when the last of them ends
}

// heldFamily is a family in the table, due when it expires.
type heldFamily struct {
	data    string
	version uint64
}

// enrolled is one running login of a subject.
type enrolled struct {
	login string
	until int64 // Unix nanoseconds
}

// CreateFamily implements [Families].
func (m *memoryFamilies) CreateFamily(ctx context.Context, f *Family) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	data, err := EncodeFamily(f)
	if err != nil {
		return err
	}
	s := m.families.lock(f.ID)
	defer s.mu.Unlock()
	if e := s.find(f.ID); e != nil {
		if m.now().UnixNano() < e.due {
			return ErrExists
		}
		s.remove(e)
	}
	s.addWithin(MaxFamilies, f.ID, heldFamily{data: string(data), version: 1}, f.ExpiresAt.UnixNano())
	f.Version = 1
	return nil
}

// LoadFamily implements [Families].
func (m *memoryFamilies) LoadFamily(ctx context.Context, id string) (*Family, error) {
	if err := m.ready(ctx); err != nil {
		return nil, err
	}
	held, ok := m.family(id)
	if !ok {
		return nil, ErrNotFound
	}
	f, err := DecodeFamily([]byte(held.data))
	if err != nil {
		return nil, err
	}
	f.ID, f.Version, f.ReadAt = id, held.version, m.now().UTC()
	return f, nil
}

func (m *memoryFamilies) family(id string) (heldFamily, bool) {
	s := m.families.lock(id)
	defer s.mu.Unlock()
	e := s.find(id)
	if e == nil || m.now().UnixNano() >= e.due {
		return heldFamily{}, false
	}
	return e.value, true
}

// UpdateFamily implements [Families].
func (m *memoryFamilies) UpdateFamily(ctx context.Context, f *Family) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	data, err := EncodeFamily(f)
	if err != nil {
		return err
	}
	s := m.families.lock(f.ID)
	defer s.mu.Unlock()
	e := s.find(f.ID)
	switch {
	case e == nil || m.now().UnixNano() >= e.due:
		return ErrNotFound
	case e.value.version != f.Version:
		return ErrConflict
	}
	f.Version++
	e.value = heldFamily{data: string(data), version: f.Version}
	return nil
}

// DeleteFamily implements [Families].
func (m *memoryFamilies) DeleteFamily(ctx context.Context, id string) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	s := m.families.lock(id)
	defer s.mu.Unlock()
	if e := s.find(id); e != nil {
		s.remove(e)
	}
	return nil
}

// Enroll implements [Families].
func (m *memoryFamilies) Enroll(ctx context.Context, subject, login string, until time.Time) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	s := m.enrolled.lock(subject)
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

// Withdraw implements [Families].
func (m *memoryFamilies) Withdraw(ctx context.Context, subject, login string) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	s := m.enrolled.lock(subject)
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

// WithdrawAll implements [Families].
func (m *memoryFamilies) WithdrawAll(ctx context.Context, subject string) (logins []string, err error) {
	if err := m.ready(ctx); err != nil {
		return nil, err
	}
	s := m.enrolled.lock(subject)
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

// running returns the logins that have not ended, without one of them.
func (m *memoryFamilies) running(logins []enrolled, but string) []enrolled {
	now := m.now().UnixNano()
	return slices.DeleteFunc(logins, func(l enrolled) bool { return l.until <= now || l.login == but })
}
