package keyring

import (
	"slices"
	"time"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// maxKept bounds the keys that stay of sets that were replaced.
const maxKept = 16

// merged is what a replica makes of the set that it knows and the one that it finds.
type merged struct {
	// set is to be in force, and to be found by all.
	set Set
	// kept are keys that only this replica verifies with: of a set that must not be merged.
	kept []Key
	// vanished are the IDs of keys that were replaced, and verify until their tokens have expired.
	vanished []string
	// rolledBack says that an older revision was found than the one that is known.
	rolledBack bool
}

// merge returns what is to be in force where a replica knows one set and finds another. Known is of this
// process when running, and else the copy of an earlier one. Both are without dropped keys, so that
// a key that was dropped is never merged back.
func (r Rotation) merge(known, found Set, running bool, now time.Time) merged {
	switch knownLineage, began := known.lineage(); {
	case len(known.Keys) == 0:
		return merged{set: found}
	case len(found.Keys) == 0:
		return merged{set: found.adopting(known)}
	default:
		foundLineage, foundBegan := found.lineage()
		if knownLineage == foundLineage {
			return r.mergeRevisions(known, found, running, now)
		}
		older := began.Before(foundBegan) || began.Equal(foundBegan) && knownLineage < foundLineage
		return r.mergeLineages(known, found, older, now)
	}
}

// mergeRevisions is for two revisions of one set, of which the higher one counts.
func (r Rotation) mergeRevisions(known, found Set, running bool, now time.Time) merged {
	if found.Revision < known.Revision {
		return merged{set: found.adopting(known), rolledBack: true}
	}
	if !running { // a copy may be old, and lacks nothing that the others did not take away
		return merged{set: found}
	}
	return r.keep(found, known, r.leftover(known, found, now))
}

// mergeLineages is for two sets that were made apart. Where they may be merged the older one goes on
// signing: verifiers know its keys.
func (r Rotation) mergeLineages(known, found Set, knownIsOlder bool, now time.Time) merged {
	if mergeable(known, found) && knownIsOlder {
		return r.keep(found.adopting(known), known, r.leftover(found, known, now))
	}
	return r.keep(found, known, r.leftover(known, found, now))
}

// mergeable reports whether two sets are of one store's prefix and secret.
func mergeable(a, b Set) bool { return a.StoreID != "" && a.StoreID == b.StoreID }

// keep adds keys that go on verifying to the set, or leaves them to this replica alone.
func (r Rotation) keep(set, known Set, left []Key) merged {
	m := merged{set: set}
	for _, key := range left {
		m.vanished = append(m.vanished, key.ID)
	}
	if mergeable(known, set) {
		m.set = set.with(slices.Concat(set.Keys, left))
	} else {
		m.kept = left
	}
	return m
}

// keeping goes on with the keys that this process alone verified with before.
func (m merged) keeping(kept []Key, now time.Time) merged {
	for _, key := range kept {
		if key.good(now) && !m.set.has(key.ID) && !contains(m.kept, key.ID) {
			m.kept = append(m.kept, key)
		}
	}
	return m
}

// adopting returns the known set in the place of the one that was found. What else is in that
// document stays.
func (s Set) adopting(known Set) Set {
	known = known.named()
	known.Foreign, known.Dropped, known.untidy = s.Foreign, s.Dropped, s.untidy
	return known
}

// leftover returns the keys of one set that another one lacks, and that may have signed tokens which have not
// expired. They get an end, and sign no more.
func (r Rotation) leftover(of, in Set, now time.Time) (left []Key) {
	signing, _ := of.Signing(r, now)
	for _, key := range of.Keys {
		// The clock of the replica that signed may be ahead.
		signed := key.Retired || key.ID == signing.ID || key.tookOver(now.Add(2*token.Skew))
		if in.has(key.ID) || !signed || !key.good(now) {
			continue
		}
		if key.VerifiesUntil.IsZero() {
			key.VerifiesUntil = wholeSecond(now.Add(r.noted(key).afterlife()))
		}
		key.Retired = true
		left = append(left, key)
	}
	if len(left) > maxKept {
		left = sorted(left)[len(left)-maxKept:]
	}
	return left
}
