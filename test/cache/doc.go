// Package cache runs cache-handler, the HTTP cache for Caddy, together with itsme. It is a module of its
// own, so that nothing of that cache is in the go.mod that users build with.
package cache
