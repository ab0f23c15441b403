package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/observed"
)

// Meter counts and times the requests, logins and calls of one gateway. It outlives configurations. Values
// that are read at a scrape are in [Gauges].
//
// Every label value is a word of the program: a client cannot add a series.
type Meter struct {
	requests      []stripedCounter       // by gateway.Decision
	verifications [][2][2]stripedCounter // by gateway.VerificationResult, kind, and whether it was cached

	refusals, started, unstarted, returned, validated, ended, returns, retries, revocations *prometheus.CounterVec

	lasted, calls, operations *prometheus.HistogramVec
	eventsDropped, keysFailed prometheus.Counter
	collectors                []prometheus.Collector
}

// Buckets in seconds. A user takes half a minute to approve a login, and has 20m by default. A call to Signicat
// ends by its timeout, which is 1m at most. Redis answers within a millisecond.
var (
	loginBuckets = []float64{2.5, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200}
	callBuckets  = []float64{.025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 60}
	storeBuckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .1, .5, 2.5}
)

// New returns the meter of a gateway.
func New(gatewayName string) *Meter {
	m := &Meter{
		requests:      make([]stripedCounter, len(gateway.Decisions())),
		verifications: make([][2][2]stripedCounter, len(gateway.VerificationResults())),
	}
	r := registrar{meter: m, labels: prometheus.Labels{"gateway": gatewayName}}
	r.requests()
	r.verifications()
	m.refusals = r.counter("refusals_total", "Requests that were answered with an error, by the code in the response.", "code")
	m.started = r.counter("logins_started_total", "Logins that were started.", "kind")
	m.unstarted = r.counter("logins_unstarted_total", "Logins that could not start, by the code in the response.", "kind", "reason")
	m.returned = r.counter("logins_returned_total", "Logins for which a code arrived, with the login's verifier or cookie.", "kind")
	m.validated = r.counter("logins_validated_total", "Logins whose code Signicat accepted.", "kind")
	m.ended = r.counter("logins_ended_total", "Logins that ended, with a token (issued) or without one.", "kind", "outcome", "reason")
	m.lasted = r.histogram("login_duration_seconds", "Time from the start of a login to its end.", loginBuckets, "kind", "outcome")
	m.calls = r.histogram("signicat_call_duration_seconds", "Duration of calls to Signicat, from connecting to the last byte of the response.", callBuckets, "operation", "outcome")
	m.returns = r.counter("returns_total", "Requests to redirect URLs, by outcome.", "kind", "outcome")
	m.retries = r.counter("signicat_retries_total", "Calls to Signicat that were repeated.", "operation")
	m.revocations = r.counter("revocations_total", "Tokens, logins and users that were revoked through this replica.", "scope")
	m.operations = r.histogram("store_operation_duration_seconds", "Duration of store operations, without the look-ups of revocations.", storeBuckets, "operation", "outcome")
	m.eventsDropped = r.plain("events_dropped_total", "Events that were dropped because handlers were too slow or Caddy was stopping.")
	m.keysFailed = r.plain("key_failures_total", "Failures to read or to change signing keys in storage.")
	m.beginAtZero()
	return m
}

// beginAtZero makes the series that are known in advance. A series that appears with its first event has no
// increase, and an alert on the increase would miss that event.
func (m *Meter) beginAtZero() {
	for _, kind := range gateway.KindNames() {
		for _, stage := range []*prometheus.CounterVec{m.started, m.returned, m.validated} {
			stage.WithLabelValues(kind)
		}
		for _, reason := range gateway.UnavailableCodes() {
			m.unstarted.WithLabelValues(kind, reason)
		}
		for _, outcome := range gateway.ReturnOutcomes() {
			m.returns.WithLabelValues(kind, outcome)
		}
		issued := store.Issued.String()
		m.ended.WithLabelValues(kind, issued, issued)
		m.lasted.WithLabelValues(kind, issued)
	}
	for _, code := range gateway.RefusalCodes() {
		m.refusals.WithLabelValues(code)
	}
	for _, operation := range signicat.Operations() {
		m.calls.WithLabelValues(operation, signicat.OutcomeOK)
		m.retries.WithLabelValues(operation)
	}
	for _, scope := range scopes {
		m.revocations.WithLabelValues(scope)
	}
	for _, operation := range observed.Operations() {
		m.operations.WithLabelValues(operation, storeOK)
	}
}

// scopes are the label values of a revocation.
var scopes = map[store.Scope]string{
	store.ScopeToken:   "token",
	store.ScopeLogin:   "login",
	store.ScopeSubject: "subject",
}

// Scope returns the word for what was revoked: token, login or subject.
func Scope(s store.Scope) string { return scopes[s] }

// Describe implements prometheus.Collector.
func (m *Meter) Describe(descs chan<- *prometheus.Desc) {
	for _, c := range m.collectors {
		c.Describe(descs)
	}
}

// Collect implements prometheus.Collector.
func (m *Meter) Collect(metrics chan<- prometheus.Metric) {
	for _, c := range m.collectors {
		c.Collect(metrics)
	}
}

// Observer returns callbacks that count a gateway's events.
func (m *Meter) Observer() gateway.Observer {
	return gateway.Observer{
		Request:      func(d gateway.Decision) { m.requests[d].add() },
		Verification: m.verification,
		Refusal:      func(code string) { m.refusals.WithLabelValues(code).Inc() },
		Login:        m.login,
		Return:       func(r gateway.Return) { m.returns.WithLabelValues(r.Kind, r.Outcome).Inc() },
		Call: func(c signicat.Call) {
			m.calls.WithLabelValues(c.Operation, c.Outcome).Observe(c.Duration.Seconds())
		},
		Retry:      func(operation string) { m.retries.WithLabelValues(operation).Inc() },
		Revocation: func(v store.Revocation) { m.revocations.WithLabelValues(scopes[v.Scope]).Inc() },
	}
}

// EventDropped counts an event of Caddy that no handler received.
func (m *Meter) EventDropped() { m.eventsDropped.Inc() }

// KeysFailed counts a failure to read or to change signing keys.
func (m *Meter) KeysFailed() { m.keysFailed.Inc() }

func (m *Meter) verification(v gateway.Verification) {
	kind, kept := 0, 0
	if v.Kind == store.Browser {
		kind = 1
	}
	if v.Cached {
		kept = 1
	}
	m.verifications[v.Result][kind][kept].add()
}

func (m *Meter) login(s gateway.LoginStep) {
	switch s.Stage {
	case gateway.LoginStarted:
		m.started.WithLabelValues(s.Kind).Inc()
	case gateway.LoginUnstarted:
		m.unstarted.WithLabelValues(s.Kind, s.Reason).Inc()
	case gateway.LoginReturned:
		m.returned.WithLabelValues(s.Kind).Inc()
	case gateway.LoginValidated:
		m.validated.WithLabelValues(s.Kind).Inc()
	case gateway.LoginEnded:
		m.ended.WithLabelValues(s.Kind, s.Outcome, s.Reason).Inc()
		m.lasted.WithLabelValues(s.Kind, s.Outcome).Observe(s.Duration.Seconds())
	}
}

var _ prometheus.Collector = (*Meter)(nil)
