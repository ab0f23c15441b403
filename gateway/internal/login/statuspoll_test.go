package login

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// readLog performs reads and records when each session was read.
type readLog struct {
	reads *statusPoll
	takes func() time.Duration // one read
	held  time.Time            // until when nothing may be read

	all      sync.WaitGroup
	mu       sync.Mutex
	at       map[string][]time.Time
	underWay int
	most     int // under way at once
}

// logReads returns reads with a budget a second. The caller closes them.
func logReads(perSecond, maxSessions int) *readLog {
	l := &readLog{takes: func() time.Duration { return 0 }, at: make(map[string][]time.Time)}
	l.reads = newStatusPoll(l.perform, func() time.Duration { return time.Until(l.held) }, rate.NewLimiter(rate.Limit(perSecond), perSecond), maxSessions)
	return l
}

func (l *readLog) perform(s *sessionRead) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at[s.id] = append(l.at[s.id], time.Now())
	l.underWay++
	l.most = max(l.most, l.underWay)
	takes := l.takes()
	l.all.Go(func() {
		<-time.After(takes)
		l.mu.Lock()
		l.underWay--
		l.mu.Unlock()
		l.reads.over(s)
	})
}

// close stops the reads.
func (l *readLog) close() {
	l.reads.close()
	l.all.Wait()
}

// ask asks about a session as its only client.
func (l *readLog) ask(id string) (done <-chan struct{}) { return l.askAs(id, "client of "+id) }

// askAs asks about a session that client started.
func (l *readLog) askAs(id, client string) (done <-chan struct{}) {
	if read := l.reads.ask(id, client, trace.SpanFromContext(context.Background())); read != nil {
		return read.over
	}
	return nil
}

// size returns the number of known sessions, and how many of them are in the queue.
func (l *readLog) size() (remembered, queued int) {
	l.reads.mu.Lock()
	defer l.reads.mu.Unlock()
	queue := &l.reads.queue
	for _, c := range queue.clients {
		queued += len(c.due)
	}
	return len(queue.sessions), queued
}

// clients returns the number of clients in the queue.
func (l *readLog) clients() int {
	l.reads.mu.Lock()
	defer l.reads.mu.Unlock()
	return max(len(l.reads.queue.clients), len(l.reads.queue.ready), len(l.reads.queue.waiting))
}

// watch asks about a session repeatedly until the time ends.
func (l *readLog) watch(id, client string, every, during time.Duration) {
	for end := time.Now().Add(during); time.Now().Before(end); time.Sleep(every) {
		l.askAs(id, client)
	}
}

// check fails unless a session was read repeatedly and not too often. It returns the number of reads.
func (l *readLog) check(t *testing.T, id string, from, to time.Time, most time.Duration) int {
	t.Helper()
	last := from
	for i, at := range append(slices.Clone(l.at[id]), to) {
		switch gap := at.Sub(last); {
		case gap > most:
			t.Fatalf("session %s was not read for %s, want up to %s", id, gap, most)
		case gap < statusEvery && i > 0 && i < len(l.at[id]):
			t.Fatalf("session %s was read %s after the last time", id, gap)
		}
		last = at
	}
	return len(l.at[id])
}

// TestNoSessionStarves: of n sessions that clients ask about, each is read about every n/budget seconds,
// never twice in statusEvery, and all together within the budget, however often some clients ask.
func TestNoSessionStarves(t *testing.T) {
	t.Parallel()
	const perSecond = 50
	for name, row := range map[string]struct {
		sessions int
		every    time.Duration
		greedy   int // of them are asked about ten times as often
	}{
		"a few":               {sessions: 10, every: time.Second},
		"as the budget":       {sessions: 2 * perSecond, every: time.Second},
		"over the budget":     {sessions: 500, every: time.Second},
		"greedy ones":         {sessions: 500, every: time.Second, greedy: 100},
		"slow ones":           {sessions: 500, every: 5 * time.Second},
		"long polls":          {sessions: 500, every: MaxRecheck},
		"few long polls":      {sessions: 10, every: MaxRecheck},
		"far over the budget": {sessions: 1500, every: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := logReads(perSecond, row.sessions)
				random := rand.New(rand.NewPCG(1, 2))
				l.takes = func() time.Duration { return time.Duration(random.IntN(400)) * time.Millisecond }
				turn := time.Duration(row.sessions/perSecond) * time.Second
				during := 3*turn + 20*time.Second
				began := time.Now()
				var clients sync.WaitGroup
				for i := range row.sessions {
					every := row.every
					if i < row.greedy {
						every /= 10
					}
					clients.Go(func() {
						<-time.After(time.Duration(i) * row.every / time.Duration(row.sessions))
						l.watch(strconv.Itoa(i), "client of "+strconv.Itoa(i), every, during)
					})
				}
				clients.Wait()
				l.close()
				read := 0
				for i := range row.sessions {
					read += l.check(t, strconv.Itoa(i), began, began.Add(during), max(turn, statusEvery)+row.every+2*time.Second)
				}
				if most := perSecond + int(time.Since(began).Seconds()*perSecond); read > most {
					t.Errorf("%d reads, want up to %d", read, most)
				}
			})
		})
	}
}

// TestClientsShareTheReads has some clients ask about many sessions each. A client with one session gets it
// read as often as if the others had one each. Unused turns go to the others.
func TestClientsShareTheReads(t *testing.T) {
	t.Parallel()
	const perSecond, during = 10, 60 * time.Second
	for name, row := range map[string]struct {
		greedy  []string      // have many sessions each
		modest  []string      // have one each
		between time.Duration // two reads of a modest client's session
	}{
		"one that floods":             {greedy: []string{"192.0.2.1"}, modest: []string{"192.0.2.2"}, between: statusEvery},
		"five that flood":             {greedy: []string{"192.0.2.1", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"}, modest: []string{"192.0.2.2"}, between: statusEvery},
		"another one in its network":  {greedy: []string{"2001:db8:1:100::/64"}, modest: []string{"2001:db8:1:200::/64"}, between: statusEvery},
		"many modest ones":            {greedy: []string{"192.0.2.1"}, modest: texts("198.51.100.%d", 19), between: statusEvery},
		"more modest ones than reads": {greedy: []string{"192.0.2.1"}, modest: texts("198.51.100.%d", 49), between: 5 * time.Second},
		"a /48 of 65,536 networks":    {greedy: texts("2001:db8:1:%02x00::/64", 100), modest: []string{"192.0.2.2"}, between: 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := logReads(perSecond, 100_000)
				began := time.Now()
				var clients sync.WaitGroup
				for _, client := range row.greedy {
					for i := range max(100/len(row.greedy), 5) {
						clients.Go(func() { l.watch(client+strconv.Itoa(i), client, time.Second, during) })
					}
				}
				for _, client := range row.modest {
					clients.Go(func() { l.watch(client, client, 500*time.Millisecond, during) })
				}
				clients.Wait()
				l.close()
				for _, client := range row.modest {
					l.check(t, client, began, began.Add(during), row.between+time.Second)
				}
				read := 0
				for _, times := range l.at {
					read += len(times)
				}
				if all := perSecond * int(during/time.Second); read < all || read > all+2*perSecond {
					t.Errorf("%d reads, want all of the budget: %d", read, all)
				}
			})
		})
	}
}

// texts are texts with the numbers from 1.
func texts(format string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(format, i+1)
	}
	return all
}

// TestSessionsThatWaitForAReadAreBounded asks about more sessions than the bound. Sessions that no client
// asks about any more leave the queue without a read.
func TestSessionsThatWaitForAReadAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const perSecond, most = 5, 1000
		l := logReads(perSecond, most)
		defer l.close()
		for i := range 2 * most {
			l.ask(strconv.Itoa(i))
		}
		if n, _ := l.size(); n != most {
			t.Errorf("%d sessions are remembered, want %d", n, most)
		}
		<-time.After(statusIdleLimit + statusEvery + time.Second)
		synctest.Wait()
		if n, queued := l.size(); n != 0 || queued != 0 || l.clients() != 0 {
			t.Errorf("%d sessions of %d clients are remembered, and %d in the queue, when no client asks", n, l.clients(), queued)
		}
		if most := perSecond * (1 + int(statusIdleLimit/time.Second)); len(l.at) > most {
			t.Errorf("%d were read, want up to %d", len(l.at), most)
		}
	})
}

// TestNothingIsReadMeanwhile: while reads are on hold, a session keeps its place.
func TestNothingIsReadMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := logReads(50, 10)
		defer l.close()
		began := time.Now()
		l.held = began.Add(5 * time.Second)
		if l.ask("held") != nil {
			t.Error("it was read")
		}
		<-time.After(time.Minute)
		synctest.Wait()
		if got := l.at["held"]; len(got) != 1 || got[0].Sub(began) != 5*time.Second {
			t.Errorf("read at %v, began at %s", got, began)
		}
	})
}

// TestClosedReadsNothing: after close neither waiting nor new sessions are read.
func TestClosedReadsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := logReads(1, 10)
		defer l.close()
		l.ask("first")
		l.ask("second")
		l.reads.close()
		l.ask("third")
		<-time.After(time.Minute)
		synctest.Wait()
		if len(l.at) != 1 {
			t.Errorf("%d sessions were read, want the first alone", len(l.at))
		}
	})
}

// TestStatusDoesNotShareAReadUnderWay: a status request that waited long enough answers with what it knew.
// The read writes its record at its end, and each request that waited gets a copy.
func TestStatusDoesNotShareAReadUnderWay(t *testing.T) {
	t.Parallel()
	known, found := &store.Record{ID: "known"}, &store.Record{ID: "found"}
	r := &statusRead{over: make(chan struct{}), record: found}
	if got := r.recordOr(known); got != known {
		t.Errorf("while the read is under way: %q", got.ID)
	}
	close(r.over)
	if got := r.recordOr(known); got == found || got.ID != "found" {
		t.Errorf("after the read: %q, shared %t", got.ID, got == found)
	}
	r.record = nil
	if got := r.recordOr(known); got != known {
		t.Errorf("after a read that found nothing: %q", got.ID)
	}
}
