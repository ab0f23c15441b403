package flow_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// TestStoreFailureAtAStartIsLogged lets Redis fail for some minutes while users start logins. The gateway logs
// a line at the first failure, one a minute with the number of failed starts, and one at the end.
func TestStoreFailureAtAStartIsLogged(t *testing.T) {
	t.Parallel()
	server, clock, log := miniredis.RunT(t), new(clock), new(logCapture)
	store, err := redis.Open(redis.Config{Addresses: []string{server.Addr()}, Secret: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) {
		c.Store, c.Now, c.Logger = store, clock.now, slog.New(slog.NewJSONHandler(log, nil))
	})
	start := func(n int) {
		for range n {
			e.newApp().start()
		}
	}
	start(1)
	server.SetError("ERR broken")
	start(5)
	clock.advance(50 * time.Second)
	start(3)
	clock.advance(11 * time.Second)
	start(2)
	server.SetError("")
	start(2)
	server.SetError("ERR broken")
	start(1)
	var got []any
	for _, line := range log.lines(t, "a login could not start") {
		got = append(got, line["level"], line["failed_starts"])
	}
	if diff := cmp.Diff([]any{"WARN", 1.0, "WARN", 8.0, "WARN", 1.0}, got); diff != "" {
		t.Errorf("the lines of failed starts differ (-want +got):\n%s", diff)
	}
	if n := len(log.lines(t, "logins start again")); n != 1 {
		t.Errorf("%d lines of the recovery, want 1", n)
	}
}
