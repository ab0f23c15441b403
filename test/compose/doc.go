// Package compose checks the Compose file of examples/sidecar with Compose's own loader and schema.
package compose
