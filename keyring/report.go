package keyring

import (
	"log/slog"
	"time"
)

// failure is an error that repeats.
type failure struct {
	err error
	at  time.Time // when it was logged
}

// again keeps an error, and reports whether to log it: at first, and then once in interval.
func (f *failure) again(err error, now time.Time) bool {
	known := f.err != nil && f.err.Error() == err.Error() && now.Before(f.at.Add(interval))
	f.err = err
	if !known {
		f.at = now
	}
	return !known
}

func (f *failure) end() { *f = failure{} }

// fail logs and counts that keys could not be read or changed, once in interval for the same error.
func (m *Manager) fail(err error) {
	if m.failing.again(err, m.Keyring.Now()) {
		m.Failed()
		m.Keyring.Logger.Error("signing keys could not be read or changed; the last known ones stay in force",
			slog.String("gateway", m.Keyring.Owner.Gateway), slog.Any("error", err))
	}
}

// reportPartial logs that the dropped keys of one storage could not be read.
func (m *Manager) reportPartial(err error) {
	switch {
	case err == nil:
		m.partial.end()
	case m.partial.again(err, m.Keyring.Now()):
		m.Keyring.Logger.Warn("the list of dropped signing keys could not be read in one of its places",
			slog.String("gateway", m.Keyring.Owner.Gateway), slog.Any("error", err))
	}
}

// report logs unexpected keys, once for each key.
func (m *Manager) report(s State) {
	m.reportPartial(s.partial)
	gateway := slog.String("gateway", m.Keyring.Owner.Gateway)
	log := m.Keyring.Logger
	if ids := m.unreported("vanished", s.vanished); len(ids) > 0 {
		log.Error("signing keys are missing in the document that replicas share; their tokens are accepted until they expire", gateway, slog.Any("kid", ids))
	}
	if m.begins("rolled back", s.rolledBack) {
		log.Error("an older set of signing keys was written over the newer one; it is not used, and the newer one is written back", gateway)
	}
	if m.begins("put back", len(s.found.Keys) == 0 && len(s.set.Keys) > 0) {
		log.Warn("the document that replicas share has no signing keys; this replica writes back those that it knows", gateway)
	}
	if ids := m.unreported("dropped", kids(s.found.Dropped)); len(ids) > 0 {
		log.Error("dropped signing keys came back, perhaps from a backup; they are not used, and are removed again", gateway, slog.Any("kid", ids))
	}
	if ids := m.unreported("foreign", kids(s.found.Foreign)); len(ids) > 0 {
		log.Warn("the document has signing keys of another gateway, issuer or store prefix; they are not used", gateway, slog.Any("kid", ids))
	}
}

// unreported returns the IDs that were not reported for this reason before.
func (m *Manager) unreported(reason string, ids []string) (fresh []string) {
	for _, id := range ids {
		if m.reported[reason+" "+id] {
			continue
		}
		if m.reported == nil {
			m.reported = make(map[string]bool)
		}
		m.reported[reason+" "+id] = true
		fresh = append(fresh, id)
	}
	return fresh
}

// begins reports whether a condition holds now and did not hold before.
func (m *Manager) begins(what string, so bool) bool {
	if !so {
		delete(m.reported, what+" ")
		return false
	}
	return len(m.unreported(what, []string{""})) > 0
}

func kids(keys []Key) (ids []string) {
	for _, key := range keys {
		ids = append(ids, key.ID)
	}
	return ids
}
