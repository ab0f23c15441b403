package flow_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// slowReads delays every read of a session.
func slowReads(t *testing.T, e *env, delay time.Duration) {
	t.Helper()
	e.script(t, signicattest.Fault{Operation: "read_session", Delay: delay})
}

// TestWaitingClientsShareOneRead has a hundred clients read the status of one session at the same time. The
// gateway reads the session at Signicat once, and all clients get the result.
func TestWaitingClientsShareOneRead(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{"polls": "", "long polls": "?wait=25s"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, highLimits)
				a := e.newApp()
				a.start()
				if err := e.Signicat.Abort(a.link); err != nil {
					t.Fatal(err)
				}
				slowReads(t, e, 300*time.Millisecond)
				began, before := time.Now(), e.Signicat.Count("read_session")
				var clients sync.WaitGroup
				for range 100 {
					clients.Go(func() {
						if got := a.status(query); got.outcome() != "200 aborted" {
							t.Errorf("the status is %s", got.outcome())
						}
					})
				}
				clients.Wait()
				if n := e.Signicat.Count("read_session") - before; n != 1 {
					t.Errorf("%d reads", n)
				}
				if took := time.Since(began); took > 400*time.Millisecond {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// TestLongPollKeepsReading waits for a session with one client and with a hundred. In both cases the gateway
// reads the session about every two seconds.
func TestLongPollKeepsReading(t *testing.T) {
	t.Parallel()
	for name, clients := range map[string]int{"one": 1, "a hundred": 100} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, highLimits)
				a := e.newApp()
				a.start()
				var all sync.WaitGroup
				for range clients {
					all.Go(func() { a.status("?wait=25s") })
				}
				all.Wait()
				if n := e.Signicat.Count("read_session"); n < 10 || n > 13 {
					t.Errorf("%d reads in 25 s, want one every 2 s or so", n)
				}
			})
		})
	}
}

// TestOtherReplicasChangesAreSeen cancels a login at another replica. Replicas do not notify each other, so a
// long poll looks into the store.
func TestOtherReplicasChangesAreSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, highLimits)
		a := e.newApp()
		a.start()
		first := *e
		e.Restart(t)
		answered := make(chan time.Time, 1)
		var client sync.WaitGroup
		client.Go(func() {
			other := *a
			other.env = &first
			if got := other.status("?wait=25s"); got.outcome() != "200 cancelled" {
				t.Errorf("the status is %s", got.outcome())
			}
			answered <- time.Now()
		})
		pass(10 * time.Second)
		ended := time.Now()
		a.cancel()
		client.Wait()
		if late := (<-answered).Sub(ended); late > maxLook+maxLook/5 {
			t.Errorf("the long poll was answered %s after the cancel", late)
		}
	})
}

// TestReplicasShareTheReadsOfASession reads the status of one session at two replicas. Together they read it
// at Signicat once in 2 s.
func TestReplicasShareTheReadsOfASession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, highLimits)
		a := e.newApp()
		a.start()
		first := *e
		e.Restart(t)
		other := *a
		other.env = &first
		for range 100 {
			a.status("")
			other.status("")
			pass(100 * time.Millisecond)
		}
		if n := e.Signicat.Count("read_session"); n != 5 {
			t.Errorf("%d reads in 10 s, want one every 2 s", n)
		}
	})
}

// TestReadsUnderWayAreBounded has Signicat answer reads slowly. The reads for clients that wait leave
// connections free for a finish.
func TestReadsUnderWayAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, highLimits)
		e.login(t) // for a Signicat access token
		finisher := e.approvedApp(t)
		var clients sync.WaitGroup
		slowReads(t, e, 8*time.Second)
		before := e.Signicat.Count("read_session")
		for range 4 * maxReads {
			a := e.newApp()
			a.start()
			clients.Go(func() { a.status("?wait=5s") })
		}
		pass(4 * time.Second)
		if n := e.Signicat.Count("read_session") - before; n != maxReads {
			t.Errorf("%d reads are under way, want %d", n, maxReads)
		}
		began := time.Now()
		if got := finisher.redeem(); got.outcome() != "the token" || time.Since(began) > 9*time.Second {
			t.Errorf("a finish got %s after %s", got.outcome(), time.Since(began))
		}
		clients.Wait()
	})
}
