package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// Source reads the state of one gateway of one configuration. All fields are required.
type Source struct {
	// Breaker returns the state of the circuit breaker before Signicat.
	Breaker func() string
	// Pending returns the number of logins under way, or an error while the store is unavailable.
	Pending func() (int, error)
	// Keys returns the signing keys as this replica knows them, and how they rotate. Both are zero with a
	// key file.
	Keys func() (keyring.State, keyring.Rotation)
	// ClockOffsets returns how far this machine's clock is ahead of each peer that has answered.
	ClockOffsets func() map[string]time.Duration
	// Writable reports whether the store takes writes, by its last answers.
	Writable func() bool
	// Refusals returns how many commands the store's server refused, by cause. It is empty for a store
	// without a server.
	Refusals func() map[redis.Cause]uint64
	// Now is the clock of the keys.
	Now func() time.Time
}

// Gauges reads a gateway's state at each scrape. Unlike a [Meter], it belongs to one configuration.
type Gauges struct {
	source                                                              Source
	breaker, pending, store, writable, refusals, signs, takeover, clock *prometheus.Desc
}

// NewGauges returns the gauges of a gateway.
func NewGauges(gatewayName string, source Source) *Gauges {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, name), help, labels, prometheus.Labels{"gateway": gatewayName})
	}
	return &Gauges{
		source:   source,
		breaker:  desc("signicat_breaker_state", "1 for the current state of the circuit breaker for Signicat, 0 for the other states.", "state"),
		pending:  desc("pending_sessions", "Logins under way: started, and neither ended nor expired. Absent while the store is unavailable."),
		store:    desc("store_up", "1 while the store answers, 0 otherwise."),
		writable: desc("store_writable", "0 after the store refused a write, until it takes writes again; otherwise 1."),
		refusals: desc("store_refusals_total", "Commands that Redis refused, by cause. Absent with store memory.", "cause"),
		signs:    desc("signing_key_timestamp_seconds", "Unix time since which the current signing key signs. Absent with a key file."),
		takeover: desc("next_signing_key_timestamp_seconds", "Unix time at which the next signing key takes over. Absent with a key file, and while there is no next key."),
		clock:    desc("clock_offset_seconds", "How far this machine's clock is ahead of the peer's, by the peer's last response. Absent before the first response.", "peer"),
	}
}

// Describe implements prometheus.Collector.
func (g *Gauges) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{g.breaker, g.pending, g.store, g.writable, g.refusals, g.signs, g.takeover, g.clock} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (g *Gauges) Collect(metrics chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	is := g.source.Breaker()
	for _, state := range []string{gateway.BreakerClosed, gateway.BreakerHalfOpen, gateway.BreakerOpen} {
		gauge(g.breaker, oneIf(is == state), state)
	}
	waiting, err := g.source.Pending()
	gauge(g.store, oneIf(err == nil))
	if err == nil {
		gauge(g.pending, float64(waiting))
	}
	gauge(g.writable, oneIf(g.source.Writable()))
	for cause, n := range g.source.Refusals() {
		metrics <- prometheus.MustNewConstMetric(g.refusals, prometheus.CounterValue, float64(n), string(cause))
	}
	for peer, ahead := range g.source.ClockOffsets() {
		gauge(g.clock, ahead.Seconds(), peer)
	}
	state, rotation := g.source.Keys()
	keys, now := state.Set(), g.source.Now()
	if signing, ok := keys.Signing(rotation, now); ok {
		gauge(g.signs, float64(signing.SignsFrom.Unix()))
	}
	if next := keys.Next(rotation, now); next >= 0 {
		gauge(g.takeover, float64(keys.Keys[next].SignsFrom.Unix()))
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

var _ prometheus.Collector = (*Gauges)(nil)
