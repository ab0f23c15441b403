package caddymodule

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

func waitingAnnouncer() *announcer {
	return &announcer{queue: make(chan event, maxEvents), ended: make(chan struct{})}
}

// TestEventsThatWaitAreBounded tells of more than handlers take: whoever tells goes on at once.
func TestEventsThatWaitAreBounded(t *testing.T) {
	t.Parallel()
	const more = 3
	a, m := waitingAnnouncer(), newMeter("default")
	for range maxEvents + more {
		a.revocation("default", m, pending.Revocation{Scope: pending.ScopeLogin, ID: "x"})
	}
	wantDropped(t, m.eventsDropped, more)
	page, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	thousands := fmt.Sprintf("%d,%03d", maxEvents/1000, maxEvents%1000)
	if !strings.Contains(string(page), "| Events that wait for a handler | "+thousands+" |") {
		t.Errorf("docs/operations.md does not say %s", thousands)
	}
}

// TestEventAfterTheEndIsCounted: there is no handler any more.
func TestEventAfterTheEndIsCounted(t *testing.T) {
	t.Parallel()
	a, m := waitingAnnouncer(), newMeter("default")
	close(a.ended)
	a.rotation("default", m, "kid", causeInForce)
	wantDropped(t, m.eventsDropped, 1)
	if len(a.queue) != 0 {
		t.Error("it waits for nobody")
	}
}

func wantDropped(t *testing.T, dropped prometheus.Counter, want float64) {
	t.Helper()
	var told dto.Metric
	if err := dropped.Write(&told); err != nil {
		t.Fatal(err)
	}
	if got := told.GetCounter().GetValue(); got != want {
		t.Errorf("%v events are counted as dropped, want %v", got, want)
	}
}
