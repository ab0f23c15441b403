package caddymodule

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/metrics"
	"github.com/caddy-itsme/caddy-itsme/store"
)

func waitingAnnouncer() *announcer {
	return &announcer{queue: make(chan event, maxEvents), ended: make(chan struct{})}
}

// TestEventsThatWaitAreBounded announces more events than handlers take. The announcer never waits.
func TestEventsThatWaitAreBounded(t *testing.T) {
	t.Parallel()
	const more = 3
	a, m := waitingAnnouncer(), metrics.New("default")
	for range maxEvents + more {
		a.revocation("default", m, store.Revocation{Scope: store.ScopeLogin, ID: "x"})
	}
	wantDropped(t, m, more)
	page, err := os.ReadFile("../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	thousands := fmt.Sprintf("%d,%03d", maxEvents/1000, maxEvents%1000)
	if !strings.Contains(string(page), "| Events that wait for a handler | "+thousands+" |") {
		t.Errorf("docs/limits.md does not say %s", thousands)
	}
}

// TestEventAfterTheEndIsCounted: there is no handler any more.
func TestEventAfterTheEndIsCounted(t *testing.T) {
	t.Parallel()
	a, m := waitingAnnouncer(), metrics.New("default")
	close(a.ended)
	a.rotation("default", m, "kid", causeInForce)
	wantDropped(t, m, 1)
	if len(a.queue) != 0 {
		t.Error("the event waits, and no handler is left")
	}
}

func wantDropped(t *testing.T, meter prometheus.Collector, want float64) {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(meter)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "caddy_itsme_events_dropped_total" {
			continue
		}
		if got := family.GetMetric()[0].GetCounter().GetValue(); got != want {
			t.Errorf("%v events are counted as dropped, want %v", got, want)
		}
		return
	}
	t.Error("dropped events are not counted")
}
