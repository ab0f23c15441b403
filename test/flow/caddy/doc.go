// Package caddy holds the scenarios of a gateway in a running Caddy. Every answer is compared with
// docs/openapi.yaml, or with docs/admin-openapi.yaml.
package caddy
