package metrics

import (
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/keystorage"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// keysInTurn returns keys of which one signs, and another is to take over.
func keysInTurn(t *testing.T) (keyring.State, keyring.Rotation) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	rotation := keyring.Rotation{Algorithm: token.ES256, Every: 30 * 24 * time.Hour, Longest: 8 * time.Hour}
	state, err := (&keyring.Keyring{
		Owner: keyring.Owner{Gateway: "default"}, Rotation: rotation, Memory: new(keyring.Memory), Now: time.Now, Logger: log,
		Storage: keystorage.New(&certmagic.FileStorage{Path: t.TempDir()}, "default", log),
	}).Tend(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state, rotation
}

// gathered returns every metric of a gateway, each with at least one series.
func gathered(t *testing.T) []*dto.MetricFamily {
	t.Helper()
	meter := New("default")
	meter.Observer().Login(gateway.LoginStep{Stage: gateway.LoginUnstarted, Kind: "app", Reason: "rate_limited"})
	state, rotation := keysInTurn(t)
	gauges := NewGauges("default", Source{
		Breaker:      func() string { return gateway.BreakerClosed },
		Pending:      func() (int, error) { return 3, nil },
		Keys:         func() (keyring.State, keyring.Rotation) { return state, rotation },
		ClockOffsets: func() map[string]time.Duration { return map[string]time.Duration{"signicat": time.Minute} },
		Writable:     func() bool { return false },
		Refusals:     func() map[redis.Cause]uint64 { return map[redis.Cause]uint64{redis.CauseMemory: 1} },
		Now:          time.Now,
	})
	registry := prometheus.NewPedanticRegistry()
	if err := errors.Join(registry.Register(meter), registry.Register(gauges)); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// TestPageNamesEveryMetric compares the table of docs/monitoring.md with what is registered.
func TestPageNamesEveryMetric(t *testing.T) {
	t.Parallel()
	var want []string
	for _, family := range gathered(t) {
		var labels []string
		for _, label := range family.GetMetric()[0].GetLabel() {
			if label.GetName() != "gateway" {
				labels = append(labels, label.GetName())
			}
		}
		slices.Sort(labels)
		want = append(want, strings.Join([]string{family.GetName(), strings.ToLower(family.GetType().String()), strings.Join(labels, " ")}, "|"))
	}
	text, err := os.ReadFile("../../../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || !strings.HasPrefix(cells[1], " `caddy_itsme_") {
			continue
		}
		labels := strings.FieldsFunc(cells[3], func(r rune) bool { return strings.ContainsRune("`, ", r) })
		slices.Sort(labels)
		named = append(named, strings.Join([]string{strings.Trim(cells[1], " `"), strings.TrimSpace(cells[2]), strings.Join(labels, " ")}, "|"))
	}
	slices.Sort(named)
	if diff := cmp.Diff(want, named); diff != "" {
		t.Errorf("the table names others (-registered +docs):\n%s", diff)
	}
}

// TestStripedCounterLosesNothing counts in many goroutines at once.
func TestStripedCounterLosesNothing(t *testing.T) {
	t.Parallel()
	const goroutines, each = 8, 10_000
	var counted stripedCounter
	done := make(chan struct{})
	for range goroutines {
		go func() {
			for range each {
				counted.add()
			}
			done <- struct{}{}
		}()
	}
	for range goroutines {
		<-done
	}
	if got := counted.total(); got != goroutines*each {
		t.Errorf("it counted %v of %d", got, goroutines*each)
	}
}
