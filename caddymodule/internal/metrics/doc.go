// Package metrics counts and times what happens in a gateway, for Caddy's Prometheus registry.
// docs/operations.md lists every metric.
package metrics
