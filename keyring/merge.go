package keyring

import (
	"slices"
	"time"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// maxKept bounds the keys that are kept of replaced sets.
const maxKept = 16

// merged is the result of merging the set that a replica knows with the one that it finds.
type merged struct {
	// set is for all replicas.
	set Set
	// kept are keys of a set that must not be merged. Only this replica verifies with them.
	kept []Key
	// vanished are the IDs of replaced keys. They verify until their tokens have expired.
	vanished []string
	// rolledBack reports that the found revision is older than the known one.
	rolledBack bool
}

// merge merges the set that a replica knows with the one that it finds. When running, known is of this
// process; else it is the copy of an earlier one. Both are without dropped keys, so that none comes back.
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

// mergeRevisions merges two revisions of one set. The higher one wins.
func (r Rotation) mergeRevisions(known, found Set, running bool, now time.Time) merged {
	if found.Revision < known.Revision {
		return merged{set: found.adopting(known), rolledBack: true}
	}
	if !running { // a copy may be old: what the found set lacks was removed
		return merged{set: found}
	}
	return r.keep(found, known, r.leftover(known, found, now))
}

// mergeLineages merges two sets that were made independently. If they may be merged, the older one
// continues to sign, because verifiers know its keys.
func (r Rotation) mergeLineages(known, found Set, knownIsOlder bool, now time.Time) merged {
	if mergeable(known, found) && knownIsOlder {
		return r.keep(found.adopting(known), known, r.leftover(found, known, now))
	}
	return r.keep(found, known, r.leftover(known, found, now))
}

// mergeable reports whether two sets belong to the same store.
func mergeable(a, b Set) bool { return a.StoreID != "" && a.StoreID == b.StoreID }

// keep adds keys that must still verify to the set, or to those of this replica.
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

// keeping adds the keys that only this process verified with before.
func (m merged) keeping(kept []Key, now time.Time) merged {
	for _, key := range kept {
		if key.good(now) && !m.set.has(key.ID) && !contains(m.kept, key.ID) {
			m.kept = append(m.kept, key)
		}
	}
	return m
}

// adopting returns the known set with the foreign and dropped keys of the found one.
func (s Set) adopting(known Set) Set {
	known = known.named()
	known.Foreign, known.Dropped, known.untidy = s.Foreign, s.Dropped, s.untidy
	return known
}

// leftover returns the keys of one set that another lacks and that may have signed valid tokens. They get
// an end and no longer sign.
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
