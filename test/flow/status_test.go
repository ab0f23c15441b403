package flow_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// slowReads makes every read of a session take a while.
func slowReads(t *testing.T, b *bubble, delay time.Duration) {
	t.Helper()
	b.script(t, signicattest.Fault{Operation: "read_session", Delay: delay})
}

// TestWaitingClientsShareOneRead has a hundred clients ask about one session at the same time: Signicat is asked once,
// and all of them are told what it said.
func TestWaitingClientsShareOneRead(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{"polls": "", "long polls": "?wait=25s"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := openBubble(t, roomy)
				p := b.newPhone()
				p.start()
				if err := b.Signicat.Abort(p.link); err != nil {
					t.Fatal(err)
				}
				slowReads(t, b, 300*time.Millisecond)
				began, before := time.Now(), b.Signicat.Count("read_session")
				var clients sync.WaitGroup
				for range 100 {
					clients.Go(func() {
						if got := p.status(query); got.outcome() != "200 aborted" {
							t.Errorf("told %s", got.outcome())
						}
					})
				}
				clients.Wait()
				if n := b.Signicat.Count("read_session") - before; n != 1 {
					t.Errorf("%d reads", n)
				}
				if took := time.Since(began); took > 400*time.Millisecond {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// TestLongPollKeepsReading: as long as a client waits, its session is read every statusEvery or a little more, and no
// less because many others wait for it, too.
func TestLongPollKeepsReading(t *testing.T) {
	t.Parallel()
	for name, clients := range map[string]int{"one": 1, "a hundred": 100} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := openBubble(t, roomy)
				p := b.newPhone()
				p.start()
				var all sync.WaitGroup
				for range clients {
					all.Go(func() { p.status("?wait=25s") })
				}
				all.Wait()
				if n := b.Signicat.Count("read_session"); n < 10 || n > 13 {
					t.Errorf("%d reads in 25 s, want one every 2 s or so", n)
				}
			})
		})
	}
}

// TestOtherReplicasChangesAreSeen: nobody announces what another replica does, so a long poll looks for it.
func TestOtherReplicasChangesAreSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := openBubble(t, roomy)
		p := b.newPhone()
		p.start()
		here := *b
		b.Restart(t)
		told := make(chan time.Time, 1)
		var client sync.WaitGroup
		client.Go(func() {
			q := *p
			q.bubble = &here
			if got := q.status("?wait=25s"); got.outcome() != "200 cancelled" {
				t.Errorf("told %s", got.outcome())
			}
			told <- time.Now()
		})
		pass(10 * time.Second)
		ended := time.Now()
		p.cancel()
		client.Wait()
		if late := (<-told).Sub(ended); late > maxLook+maxLook/5 {
			t.Errorf("told %s after it", late)
		}
	})
}

// TestReplicasShareTheReadsOfASession asks two replicas about one session: together they read it once in 2 s.
func TestReplicasShareTheReadsOfASession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := openBubble(t, roomy)
		p := b.newPhone()
		p.start()
		here := *b
		b.Restart(t)
		q := *p
		q.bubble = &here
		for range 100 {
			p.status("")
			q.status("")
			pass(100 * time.Millisecond)
		}
		if n := b.Signicat.Count("read_session"); n != 5 {
			t.Errorf("%d reads in 10 s, want one every 2 s", n)
		}
	})
}

// TestReadsUnderWayAreBounded: however slow Signicat is, the reads of those who wait leave connections to those who
// finish.
func TestReadsUnderWayAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := openBubble(t, roomy)
		b.login(t) // for a Signicat access token
		finisher := b.begun(t)
		var clients sync.WaitGroup
		slowReads(t, b, 8*time.Second)
		before := b.Signicat.Count("read_session")
		for range 4 * maxReads {
			p := b.newPhone()
			p.start()
			clients.Go(func() { p.status("?wait=5s") })
		}
		pass(4 * time.Second)
		if n := b.Signicat.Count("read_session") - before; n != maxReads {
			t.Errorf("%d reads are under way, want %d", n, maxReads)
		}
		began := time.Now()
		if got := finisher.redeem(); got.outcome() != "the token" || time.Since(began) > 9*time.Second {
			t.Errorf("a finish got %s after %s", got.outcome(), time.Since(began))
		}
		clients.Wait()
	})
}
