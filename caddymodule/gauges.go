package caddymodule

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/keyring"
)

// probeLimit bounds the question to a store of whoever asks how a gateway is.
const probeLimit = time.Second

// gauges tells what a gateway is at the moment at which it is asked. Unlike a meter it is of one
// configuration, and goes with it.
type gauges struct {
	of                                       *instance
	breaker, pending, store, signs, takeover *prometheus.Desc
}

func newGauges(i *instance) *gauges {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(metricsNamespace, metricsSubsystem, name), help, labels, prometheus.Labels{"gateway": i.name})
	}
	return &gauges{
		of:       i,
		breaker:  desc("signicat_breaker_state", "1 for the state that the circuit breaker before Signicat is in, 0 for the others.", "state"),
		pending:  desc("pending_sessions", "Logins that were started and have neither ended nor expired. Absent while the store cannot tell."),
		store:    desc("store_up", "Whether the store answers."),
		signs:    desc("signing_key_timestamp_seconds", "Since when the key signs that signs now, as a Unix time. Absent with a key file."),
		takeover: desc("next_signing_key_timestamp_seconds", "When the next key takes over, as a Unix time. Absent with a key file, and while there is none."),
	}
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{g.breaker, g.pending, g.store, g.signs, g.takeover} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(metrics chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	is := g.of.gateway.Breaker()
	for _, state := range []string{gateway.BreakerClosed, gateway.BreakerHalfOpen, gateway.BreakerOpen} {
		gauge(g.breaker, oneIf(is == state), state)
	}
	waiting, err := g.of.pending()
	gauge(g.store, oneIf(err == nil))
	if err == nil {
		gauge(g.pending, float64(waiting))
	}
	keys, now := g.of.keyState().Set(), clock()
	if signing, ok := keys.Signing(g.of.rotation(), now); ok {
		gauge(g.signs, float64(signing.SignsFrom.Unix()))
	}
	if next := keys.Next(g.of.rotation(), now); next >= 0 {
		gauge(g.takeover, float64(keys.Keys[next].SignsFrom.Unix()))
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// pending is how many logins are under way, or why the store cannot tell.
func (i *instance) pending() (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), probeLimit)
	defer cancel()
	return i.kept.Len(ctx)
}

// keyState returns the keys as this replica knows them; none with a key file, and before start.
func (i *instance) keyState() keyring.State {
	if i.keys == nil {
		return keyring.State{}
	}
	return i.keys.Shown()
}

// rotation says when the keys change. Zero with a key file.
func (i *instance) rotation() keyring.Rotation {
	if i.keys == nil {
		return keyring.Rotation{}
	}
	return i.keys.Keyring.Rotation
}

var _ prometheus.Collector = (*gauges)(nil)
