package redis_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// failTo has every client of a line find another server behind it.
func failTo(via *redistest.Line, address string) {
	via.Move(address)
	via.Cut()
	via.Mend()
}

// TestRevocationsSurviveAFailover: a standby is promoted that lacks the last revocations, of which a
// replica has read some. The next ones stand where those stood. No replica misses one, and the standby
// gets what it lacks.
func TestRevocationsSurviveAFailover(t *testing.T) {
	t.Parallel()
	primary, standby := redistest.StartPair(t)
	via := redistest.NewLine(t, primary.Address)
	reader, writer := open(t, config(via.Address)), open(t, config(via.Address))
	revokeBoth(t, writer, "kept")
	awaitRevoked(t, reader, "kept")
	part(t, primary, standby)
	for _, id := range []string{"lost 1", "lost 2"} {
		revokeBoth(t, writer, id)
	}
	awaitRevoked(t, reader, "lost 2")
	revokeBoth(t, writer, "lost 3") // perhaps only the writer knows
	failTo(via, standby.Address)
	for i := range 5 {
		id := "new " + strconv.Itoa(i)
		redistest.Until(t, "the standby takes revocations", func() bool {
			return errors.Join(revokeErr(t, writer, store.ScopeLogin, id), revokeErr(t, writer, store.ScopeSubject, id)) == nil
		})
		awaitRevoked(t, reader, id)
	}
	all := []string{"kept", "lost 1", "lost 2", "lost 3", "new 0", "new 1", "new 2", "new 3", "new 4"}
	awaitLength(t, standby, len(all))
	awaitRevoked(t, reader, "lost 3")
	redistest.Until(t, "the reader knows the subject, too", func() bool {
		revoked, _ := reader.Revoked(t.Context(), store.Credential{Subject: "lost 3"})
		return revoked
	})
	recruit := open(t, config(standby.Address))
	for name, st := range map[string]*redis.Store{"reader": reader, "writer": writer, "recruit": recruit} {
		for _, id := range all {
			for what, c := range map[string]store.Credential{"login": {Login: id}, "subject": {Subject: id}} {
				if revoked, err := st.Revoked(t.Context(), c); !revoked || err != nil {
					t.Errorf("%s: %s %q: Revoked = %t, %v", name, what, id, revoked, err)
				}
			}
		}
	}
}

func revokeErr(t testing.TB, s store.Store, scope store.Scope, id string) error {
	return s.Revoke(t.Context(), store.Revocation{Scope: scope, ID: id, Until: time.Now().Add(time.Hour)})
}

// revokeBoth revokes a login and a subject of that name.
func revokeBoth(t testing.TB, s store.Store, id string) {
	t.Helper()
	if err := errors.Join(revokeErr(t, s, store.ScopeLogin, id), revokeErr(t, s, store.ScopeSubject, id)); err != nil {
		t.Fatalf("revoking %s: %v", id, err)
	}
}

// part promotes the standby, and waits until its primary no longer waits for it.
func part(t *testing.T, primary, standby *redistest.Server) {
	t.Helper()
	standby.Promote(t)
	redistest.Until(t, "the primary has no standby", func() bool {
		return strings.Contains(primary.Text(t, "INFO", "replication"), "connected_slaves:0")
	})
}

// awaitLength waits until both lists of revocations have so many entries.
func awaitLength(t testing.TB, s *redistest.Server, want int) {
	t.Helper()
	redistest.Until(t, fmt.Sprintf("%d revocations are listed", want), func() bool {
		lists := listsOf(t, s)
		for _, key := range lists {
			if n, err := s.Do(t, "LLEN", key).ToInt64(); err != nil || n < int64(want) {
				return false
			}
		}
		return len(lists) == 2
	})
}

// TestMarkOfBeforeAFailoverSparesNothingAfterIt: a login notes the last revocation of a subject that its
// replica knows. The promoted standby lacks that one, and gives the next ones numbers again. The login
// began before them, and they refuse it.
func TestMarkOfBeforeAFailoverSparesNothingAfterIt(t *testing.T) {
	t.Parallel()
	primary, standby := redistest.StartPair(t)
	via := redistest.NewLine(t, primary.Address)
	st := open(t, config(via.Address))
	revokeBoth(t, st, "kept")
	part(t, primary, standby)
	for i := range 5 {
		revokeBoth(t, st, "lost "+strconv.Itoa(i))
	}
	mark := awaitNumber(t, st, "6")
	failTo(via, standby.Address)
	redistest.Until(t, "the standby takes revocations", func() bool { return revokeErr(t, st, store.ScopeSubject, "victim") == nil })
	login := store.Credential{Subject: "victim", IssuedAt: time.Now(), Mark: mark}
	if revoked, err := st.Revoked(t.Context(), login); !revoked || err != nil {
		t.Errorf("a login of before the revocation, with the mark %s: Revoked = %t, %v", mark, revoked, err)
	}
	recruit := open(t, config(standby.Address))
	if revoked, err := recruit.Revoked(t.Context(), login); !revoked || err != nil {
		t.Errorf("at another replica: Revoked = %t, %v", revoked, err)
	}
	next, err := recruit.Mark(t.Context())
	if err != nil || next[:store.EpochSize] == mark[:store.EpochSize] {
		t.Errorf("the mark after the failover is %q, %v, and before it was %q", next, err, mark)
	}
	login.Mark = next
	if revoked, err := recruit.Revoked(t.Context(), login); revoked || err != nil {
		t.Errorf("a login that began after the revocation, with the mark %s: Revoked = %t, %v", next, revoked, err)
	}
}

// awaitNumber waits until a store's mark has that number.
func awaitNumber(t *testing.T, s *redis.Store, number string) (mark string) {
	t.Helper()
	redistest.Until(t, "the mark is of "+number, func() bool {
		mark, _ = s.Mark(t.Context())
		return strings.HasSuffix(mark, number)
	})
	return mark
}

// TestPromotedStandbyWhoseClockIsBehind: its clock is an hour behind, and it lacks the last revocations,
// which a replica has read. The replica misses none of those that follow.
func TestPromotedStandbyWhoseClockIsBehind(t *testing.T) {
	t.Parallel()
	server, standby := miniredis.RunT(t), miniredis.NewMiniRedis()
	server.SetTime(time.Now())
	reader, writer := open(t, config(server.Addr())), open(t, config(server.Addr()))
	revokeBoth(t, writer, "kept")
	copyTo(t, server, standby)
	for _, id := range []string{"lost 1", "lost 2", "lost 3"} {
		revokeBoth(t, writer, id)
	}
	awaitRevoked(t, reader, "lost 3")
	server.FlushAll()
	copyTo(t, standby, server)
	server.SetTime(time.Now().Add(-time.Hour))
	for i := range 5 {
		id := "new " + strconv.Itoa(i)
		revokeBoth(t, writer, id)
		awaitRevoked(t, reader, id)
	}
	for _, id := range []string{"kept", "lost 1", "lost 2", "lost 3", "new 0", "new 4"} {
		wantRevoked(t, reader, id, true)
	}
}

// copyTo gives a server what another has, as replication does.
func copyTo(t *testing.T, from, to *miniredis.Miniredis) {
	t.Helper()
	for _, key := range from.Keys() {
		switch from.Type(key) {
		case "list":
			entries, err := from.List(key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := to.Push(key, entries...); err != nil {
				t.Fatal(err)
			}
		case "set":
			names, err := from.SMembers(key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := to.SAdd(key, names...); err != nil {
				t.Fatal(err)
			}
		case "hash":
			fields, err := from.HKeys(key)
			if err != nil {
				t.Fatal(err)
			}
			for _, field := range fields {
				to.HSet(key, field, from.HGet(key, field))
			}
		}
		to.SetTTL(key, from.TTL(key))
	}
}

// TestConfirmedRevocationIsNeverLost: in each of several rounds clients revoke without a pause, the primary
// dies in the middle, and its standby is promoted. The gateway's replicas die with it, so that none writes
// anything back. What was answered without an error is refused by a replica that starts afterwards.
func TestConfirmedRevocationIsNeverLost(t *testing.T) {
	t.Parallel()
	for round := range 3 {
		t.Run(strconv.Itoa(round), func(t *testing.T) {
			t.Parallel()
			primary, standby := redistest.StartPair(t)
			awaitAcknowledged(t, primary)
			confirmed, unconfirmed := revokeUntilItDies(t, primary, 50*(round+1))
			standby.Promote(t)
			recruit := open(t, config(standby.Address))
			for _, id := range confirmed {
				wantRevoked(t, recruit, id, true)
			}
			t.Logf("%d revocations were confirmed, %d were not", len(confirmed), unconfirmed)
		})
	}
}

// revokeUntilItDies revokes, kills the server after so many, and returns which were confirmed.
func revokeUntilItDies(t *testing.T, server *redistest.Server, count int) (confirmed []string, unconfirmed int) {
	st := open(t, config(server.Address))
	var clients sync.WaitGroup
	var mu sync.Mutex
	var enough atomic.Bool
	reached, dead := make(chan struct{}), make(chan struct{})
	for client := range 8 {
		clients.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d of client %d", i, client)
				err := revokeErr(t, st, store.ScopeLogin, id)
				mu.Lock()
				if err == nil {
					confirmed = append(confirmed, id)
				} else {
					unconfirmed++
				}
				if len(confirmed) >= count && !enough.Swap(true) {
					close(reached)
				}
				mu.Unlock()
				select {
				case <-dead:
					return
				default:
				}
			}
		})
	}
	<-reached
	server.Kill()
	close(dead)
	_ = st.Close()
	clients.Wait()
	return confirmed, unconfirmed
}
