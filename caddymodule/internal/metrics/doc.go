// Package metrics counts and times the requests, logins and calls of a gateway, for Caddy's Prometheus
// registry.
// docs/monitoring.md lists every metric.
package metrics
