package redis_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// TestReplicasShareTheWriteBack: the server loses everything, and each of several replicas knows all of it.
// Each revocation is written once, and no replica accepts a revoked token at any moment.
func TestReplicasShareTheWriteBack(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	const revocations = 1500
	replicas := make([]*redis.Store, 4)
	for i := range replicas {
		replicas[i] = open(t, config(s.Address))
	}
	for i := range revocations {
		revoke(t, replicas[i%len(replicas)], strconv.Itoa(i))
	}
	for i := range revocations {
		for _, r := range replicas {
			awaitRevoked(t, r, strconv.Itoa(i))
		}
	}
	s.Do(t, "CONFIG", "RESETSTAT")
	s.Do(t, "FLUSHALL")
	var watchers sync.WaitGroup
	over := make(chan struct{})
	for _, r := range replicas {
		watchers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
				}
				id := strconv.Itoa(i % revocations)
				if revoked, err := r.Revoked(t.Context(), store.Credential{Login: id}); err == nil && !revoked {
					t.Errorf("%s is accepted", id)
					return
				}
				_, _ = r.Len(t.Context()) // a call to the server, instead of a sleep
			}
		})
	}
	listed := func() (n int64) {
		for _, key := range listsOf(t, s) {
			n, _ = s.Do(t, "LLEN", key).ToInt64()
		}
		return n
	}
	redistest.Until(t, "everything is back", func() bool { return listed() >= revocations })
	redistest.Until(t, "every replica is content", func() bool {
		n, err := s.Do(t, "EXISTS", "{itsme:default:revoked:subjects}:restoring").ToInt64()
		return n == 0 && err == nil
	})
	close(over)
	watchers.Wait()
	if n := listed(); n != revocations {
		t.Errorf("%d entries are listed, want %d", n, revocations)
	}
}
