package redis

import (
	"strconv"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// segment is a list of revocations in Redis: those of one class that end within the same period. It is
// read, and expires, as a whole. Most revocations end within hours, and their segments are as long.
// What ends later is in longer ones: a replica looks at every segment that may exist five times a
// second, and 400 days have 9,600 hours.
type segment uint32

// The classes of segments, by how long a revocation lasts when it is made. The numbers are in the names
// of the keys.
const (
	hourly   segment = iota + 1 // up to a day
	daily                       // up to eight days
	monthly                     // up to 400 days, and in period 0 whatever lasts longer
	subjects                    // those of subjects, as monthly
)

const (
	classShift = 24
	periodMask = 1<<classShift - 1

	day   = 24 * time.Hour
	month = 32 * day
)

// classes is the length of a period, the longest that a revocation lasts, and the prefix of the name.
// Readers look further by slack: the clock of the replica that wrote may be ahead.
var classes = [subjects + 1]struct {
	period, longest, slack time.Duration
	name                   string
}{
	hourly:   {time.Hour, day, 2 * time.Hour, "h"},
	daily:    {day, 8 * day, day, "d"},
	monthly:  {month, 400 * day, month, "m"},
	subjects: {month, 400 * day, month, "subjects"},
}

const (
	// segmentStay is how long a segment stays in Redis after its period.
	segmentStay = time.Hour
	// segmentTail is how long it is read after its period.
	segmentTail = 5 * time.Minute
)

// segmentOf returns where a revocation belongs that is made now.
func segmentOf(v store.Revocation, now time.Time) segment {
	lasts, class := v.Until.Sub(now), hourly
	if v.Scope == store.ScopeSubject {
		class = subjects
	}
	for class < monthly && lasts > classes[class].longest {
		class++
	}
	if lasts > classes[class].longest {
		return class << classShift
	}
	return class.at(v.Until)
}

// at returns the segment of a class that has the revocations which end at t.
func (s segment) at(t time.Time) segment {
	return s<<classShift | segment(t.UnixNano()/int64(classes[s].period))&periodMask
}

// liveSegments returns every segment that may hold a revocation that is not over.
func liveSegments(now time.Time) []segment {
	var live []segment
	for class := hourly; class <= subjects; class++ {
		if class >= monthly {
			live = append(live, class<<classShift)
		}
		last := class.at(now.Add(classes[class].longest + classes[class].slack))
		for s := class.at(now.Add(-segmentTail)); s <= last; s++ {
			live = append(live, s)
		}
	}
	return live
}

func (s segment) class() segment   { return s >> classShift }
func (s segment) period() int64    { return int64(s & periodMask) }
func (s segment) ofSubjects() bool { return s.class() == subjects }

// stay returns how long the keys of a segment stay, from now on.
func (s segment) stay(now, until time.Time) time.Duration {
	if s.period() != 0 {
		until = time.Unix(0, (s.period()+1)*int64(classes[s.class()].period))
	}
	return max(until.Sub(now), 0) + segmentStay
}

// segmentKeys are the keys of a segment. Each segment is in a slot of its own, so that the nodes of a
// Cluster share them. Those of subjects are in one slot, which gives them an order.
type segmentKeys struct{ list, names, order string }

func (k keys) segment(s segment) segmentKeys {
	class, number := classes[s.class()].name, strconv.FormatInt(s.period(), 10)
	if s.ofSubjects() {
		tag := "{" + k.gateway + ":revoked:" + class + "}:"
		return segmentKeys{list: tag + number + ":list", names: tag + number + ":names", order: tag + "order"}
	}
	tag := "{" + k.gateway + ":revoked:" + class + number + "}:"
	return segmentKeys{list: tag + "list", names: tag + "names"}
}

// restoring returns the key that says that a replica writes revocations back.
func (k keys) restoring() string {
	return "{" + k.gateway + ":revoked:" + classes[subjects].name + "}:restoring"
}
