package pending

import (
	"context"
)

// MaxFamilies is how many families [Memory] keeps at once. Beyond it those go that
// expire first: their people log in with itsme again.
const MaxFamilies = 1 << 18

// heldFamily is a family in the table, due when it expires.
type heldFamily struct {
	data    string
	version uint64
}

var _ Families = (*Memory)(nil)

// CreateFamily implements [Families].
func (m *Memory) CreateFamily(ctx context.Context, f *Family) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	data, err := EncodeFamily(f)
	if err != nil {
		return err
	}
	s := m.families.shard(f.ID)
	s.mu.Lock()
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
func (m *Memory) LoadFamily(ctx context.Context, id string) (*Family, error) {
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

func (m *Memory) family(id string) (heldFamily, bool) {
	s := m.families.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(id)
	if e == nil || m.now().UnixNano() >= e.due {
		return heldFamily{}, false
	}
	return e.value, true
}

// UpdateFamily implements [Families].
func (m *Memory) UpdateFamily(ctx context.Context, f *Family) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	data, err := EncodeFamily(f)
	if err != nil {
		return err
	}
	s := m.families.shard(f.ID)
	s.mu.Lock()
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
func (m *Memory) DeleteFamily(ctx context.Context, id string) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	s := m.families.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.find(id); e != nil {
		s.remove(e)
	}
	return nil
}
