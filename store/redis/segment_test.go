package redis

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// TestEveryReplicaReadsTheSegment: for as long as a revocation lasts, however long, every replica whose
// clock is right by a minute looks at the list that it is in.
func TestEveryReplicaReadsTheSegment(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		offset := func(name string) time.Duration {
			return time.Duration(rapid.Int64Range(int64(-time.Minute), int64(time.Minute)).Draw(t, name))
		}
		now := time.Unix(rapid.Int64Range(1_700_000_000, 4_000_000_000).Draw(t, "now"), 0)
		longest := rapid.SampledFrom([]time.Duration{time.Hour, 2 * day, 10 * day, 500 * day}).Draw(t, "longest")
		lasts := time.Duration(rapid.Int64Range(1, int64(longest)).Draw(t, "lasts"))
		v := store.Revocation{
			Scope: store.Scope(rapid.IntRange(int(store.ScopeToken), int(store.ScopeSubject)).Draw(t, "scope")),
			ID:    "id", Until: now.Add(lasts),
		}
		in := segmentOf(v, now.Add(offset("writer")))
		read := now.Add(time.Duration(rapid.Int64Range(0, int64(lasts)).Draw(t, "later"))).Add(offset("reader"))
		live := liveSegments(read)
		found := false
		for _, s := range live {
			found = found || s == in
		}
		if !found {
			t.Fatalf("segment %d of class %d is not among %d that are read", in.period(), in.class(), len(live))
		}
		if len(live) > 80 {
			t.Fatalf("%d segments are read at each look", len(live))
		}
		if stays := in.stay(now, v.Until); stays < lasts {
			t.Fatalf("the segment stays for %v, and the revocation lasts %v", stays, lasts)
		}
	})
}

// TestSegmentsAreSpread: each segment has a hash tag of its own, which its keys share. Those of subjects
// share one, as an order needs.
func TestSegmentsAreSpread(t *testing.T) {
	t.Parallel()
	keys, tags, subjectTags := newKeys("itsme:default"), make(map[string]bool), make(map[string]bool)
	segments := liveSegments(time.Now())
	for _, s := range segments {
		at := keys.segment(s)
		tag := tagOf(at.list)
		for _, key := range []string{at.names, at.order} {
			if key != "" && tagOf(key) != tag {
				t.Errorf("%s and %s are in different slots", at.list, key)
			}
		}
		if s.ofSubjects() {
			subjectTags[tag] = true
			if tagOf(keys.restoring()) != tag {
				t.Errorf("%s and %s are in different slots", at.list, keys.restoring())
			}
			continue
		}
		if tags[tag] {
			t.Errorf("%s is the tag of two segments", tag)
		}
		tags[tag] = true
	}
	if len(subjectTags) != 1 {
		t.Errorf("subjects have %d tags, want 1", len(subjectTags))
	}
}

func tagOf(key string) string {
	tag, _, _ := strings.Cut(key, "}")
	return tag
}
