package redis_test

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
)

// TestClockOffRedisIsLogged moves this machine's clock beyond the limit and back, and does each thing whose
// answer holds Redis' time. Each change has one line.
func TestClockOffRedisIsLogged(t *testing.T) {
	t.Parallel()
	address := redistest.Start(t).Address
	var (
		ahead time.Duration
		mu    sync.Mutex
		log   bytes.Buffer
	)
	move := func(to time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		ahead = to
	}
	c := config(address)
	c.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return time.Now().Add(ahead)
	}
	c.Logger = slog.New(slog.NewTextHandler(locked{&mu, &log}, nil))
	st := open(t, c)
	if _, known := st.ClockAhead(); known {
		t.Error("an offset is known before the first answer")
	}
	for i, ask := range []func() error{
		func() error { _, err := st.Len(t.Context()); return err },
		func() error {
			_, err := st.Create(t.Context(), storetest.NewRecord(rand.Text(), "client", c.Now()), store.Bounds{Total: 10, PerClient: 10})
			return err
		},
		func() error { _, _ = st.LoadFamily(t.Context(), "none"); return nil },
	} {
		for _, to := range []time.Duration{90 * time.Second, 0} {
			move(to)
			if err := ask(); err != nil {
				t.Fatal(err)
			}
			if got, known := st.ClockAhead(); !known || (got-to).Abs() > 10*time.Second {
				t.Errorf("the clock is %v ahead: measured %v, known %v", to, got, known)
			}
		}
		mu.Lock()
		text := log.String()
		mu.Unlock()
		off, back := strings.Count(text, `level=WARN msg="this machine's clock differs from Redis'"`), strings.Count(text, "agrees with Redis' again")
		if off != i+1 || back != i+1 {
			t.Errorf("ask %d: %d lines that it differs, %d that it agrees:\n%s", i, off, back, text)
		}
	}
}

// locked is a writer that a mutex guards.
type locked struct {
	mu *sync.Mutex
	*bytes.Buffer
}

func (l locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(b)
}
