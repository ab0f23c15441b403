package gateway

import (
	"crypto/rand"

	"github.com/caddy-itsme/caddy-itsme/attribute"
)

// InstanceHeader is the header of /health/ready that names the gateway of a process, so that two
// processes behind one address can be told apart.
const InstanceHeader = "Itsme-Instance"

// NewInstance makes a name for InstanceHeader. It is random, and says nothing of the machine.
func NewInstance() string { return rand.Text() }

// OwnHeaders returns a test for the names of headers that only the gateway may hand to an upstream,
// under any spelling: the X-Itsme ones, and those given.
func OwnHeaders(names ...string) (owns func(name string) bool) {
	g := newGuard(names...)
	g.prefix = fold(attribute.HeaderPrefix)
	return g.owns
}

// identityHeader reports whether a header's name begins with [attribute.HeaderPrefix], under any spelling.
func identityHeader(name string) bool {
	if len(name) < len(attribute.HeaderPrefix) || name[0]|0x20 != 'x' {
		return false
	}
	var room [len(attribute.HeaderPrefix)]byte
	return string(appendFolded(room[:0], name[:len(attribute.HeaderPrefix)])) == foldedPrefix
}

const foldedPrefix = "x-itsme-"
