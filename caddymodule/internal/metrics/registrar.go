package metrics

import (
	"maps"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

const (
	// namespace and subsystem begin every name.
	namespace = "caddy"
	subsystem = "itsme"
)

// registrar makes the collectors of a Meter. All have the gateway's name as a label: one registry holds the
// collectors of several gateways.
type registrar struct {
	meter  *Meter
	labels prometheus.Labels
}

func (r registrar) add(c prometheus.Collector) { r.meter.collectors = append(r.meter.collectors, c) }

func (r registrar) opts(name, help string) prometheus.Opts {
	return prometheus.Opts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help, ConstLabels: r.labels}
}

func (r registrar) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts(r.opts(name, help)), labels)
	r.add(c)
	return c
}

func (r registrar) plain(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts(r.opts(name, help)))
	r.add(c)
	return c
}

func (r registrar) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	o := r.opts(name, help)
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: o.Namespace, Subsystem: o.Subsystem, Name: o.Name, Help: o.Help, ConstLabels: o.ConstLabels, Buckets: buckets,
	}, labels)
	r.add(h)
	return h
}

// striped adds one series of a counter. The series reads a stripedCounter.
func (r registrar) striped(name, help string, labels prometheus.Labels, c *stripedCounter) {
	o := r.opts(name, help)
	o.ConstLabels = maps.Clone(r.labels)
	maps.Copy(o.ConstLabels, labels)
	r.add(prometheus.NewCounterFunc(prometheus.CounterOpts(o), c.total))
}

func (r registrar) requests() {
	for _, d := range gateway.Decisions() {
		r.striped("requests_total", "Requests to sites, by decision. A request that goes through two itsme handlers counts twice.",
			prometheus.Labels{"decision": d.String()}, &r.meter.requests[d])
	}
}

func (r registrar) verifications() {
	for _, result := range gateway.VerificationResults() {
		for kind, name := range gateway.KindNames() {
			for kept := range 2 {
				r.striped("token_verifications_total", "Bearer tokens (app) and session cookies (browser) that were verified, by result.",
					prometheus.Labels{"result": result.String(), "kind": name, "cached": strconv.FormatBool(kept == 1)},
					&r.meter.verifications[result][kind][kept])
			}
		}
	}
}
