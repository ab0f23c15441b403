// Package clients runs clients in other languages against the demo. Its tests have the build tag clients,
// since they need Maven and large packages: make test-clients runs them.
package clients
