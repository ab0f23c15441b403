package redis

import (
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// list is how far a segment was read.
type list struct {
	segment segment
	keys    segmentKeys
	count   int64  // how many entries were read
	last    string // the identity of the last one of them
	// anew is what was found since the list turned out to be another one. Nil while it is the same, and
	// when Redis has all that this replica knows.
	anew map[revocationID]store.Revocation
	turn int // counts how often it was another one
}

// live returns the lists that may hold a revocation that is not over, and forgets all others.
func (r *revocations) live(now time.Time) []*list {
	segments := liveSegments(now)
	lists, held := make([]*list, len(segments)), make(map[segment]*list, len(segments))
	for i, s := range segments {
		l := r.lists[s]
		if l == nil {
			l = &list{segment: s, keys: r.keys.segment(s)}
		}
		lists[i], held[s] = l, l
	}
	r.lists = held
	return lists
}

// next is the number of the entry from which the list is read: the last one that was read.
func (l *list) next() int64 { return max(l.count-1, 0) }

// news returns the entries of an answer that were not read before, and whether the list is still the
// one that was read so far.
//
// The answer begins with the last entry that was read. Entries are sealed with random bytes, which stay
// when they are sealed anew. They are added at the end and never taken out, and a standby gets them in that
// order. So a list which has that entry in
// that place has everything before it. Otherwise a standby was promoted that lacks the end of the list,
// or the server lost its data: the list is read anew.
func (l *list) news(answer []string) (news []string, same bool) {
	switch {
	case l.count == 0:
		return answer, true
	case len(answer) > 0 && l.segment.identity(answer[0]) == l.last:
		return answer[1:], true
	}
	l.count, l.last, l.turn = 0, "", l.turn+1
	l.anew = make(map[revocationID]store.Revocation)
	return nil, false
}

// take notes that an entry was read.
func (l *list) take(entry string, v store.Revocation) {
	l.count, l.last = l.count+1, strings.Clone(l.segment.identity(entry))
	if l.anew == nil {
		return
	}
	if found, ok := l.anew[idOf(v)]; !ok || !includes(found, v) {
		l.anew[idOf(v)] = v
	}
}
