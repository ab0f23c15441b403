package caddymodule

import (
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

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// runningKeys are keys of which one signs, and another is to take over.
func runningKeys(t *testing.T) *keyring.Manager {
	t.Helper()
	m := &keyring.Manager{
		Keyring: keyConfig{rotation: keyring.Rotation{Algorithm: token.ES256, Every: DefaultRotate, Longest: 8 * time.Hour}}.keyring(
			keyring.Owner{Gateway: "default"}, &certmagic.FileStorage{Path: t.TempDir()}, nil, slog.New(slog.DiscardHandler)),
		Force: func(*token.KeySet) {}, Failed: func() {}, Changed: func(string) {},
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

// gathered is everything that a gateway tells, of which each metric has a series.
func gathered(t *testing.T) []*dto.MetricFamily {
	t.Helper()
	i := &instance{meter: newMeter("default"), name: "default", keys: runningKeys(t), gateway: idleGateway(t), kept: pending.NewMemory(time.Now)}
	t.Cleanup(func() { _ = i.kept.Close() })
	i.meter.login(gateway.LoginStep{Stage: gateway.LoginUnstarted, Kind: "app", Reason: "rate_limited"})
	registry := prometheus.NewPedanticRegistry()
	if err := i.tell(registry); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// idleGateway is a gateway that nobody calls.
func idleGateway(t *testing.T) *gateway.Gateway {
	t.Helper()
	handler, _ := benchHandler(t)
	return handler.gateway
}

// TestOperationsNamesEveryMetric compares the table of docs/operations.md with what is registered.
func TestOperationsNamesEveryMetric(t *testing.T) {
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
	text, err := os.ReadFile("../docs/operations.md")
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

// TestTallyLosesNothing counts in many goroutines at once.
func TestTallyLosesNothing(t *testing.T) {
	t.Parallel()
	const goroutines, each = 8, 10_000
	var counted tally
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
