// Package image runs the container image as an engine would, without one: umoci unpacks it, and the
// binary runs in its file system as its user.
package image
