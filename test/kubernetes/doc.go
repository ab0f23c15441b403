// Package kubernetes checks the manifests of examples/sidecar, and those that Helm makes of examples/helm, with
// Kubernetes' own types and schemas. It is a module of its own: kubectl-validate needs older modules than Caddy has.
package kubernetes
