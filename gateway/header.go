package gateway

// OwnHeaders returns a test for the names of headers that only the gateway may hand to an upstream,
// under any spelling: the X-Itsme ones, and those given.
func OwnHeaders(names ...string) (owns func(name string) bool) {
	g := newGuard(names...)
	g.prefix = fold(HeaderPrefix)
	return g.owns
}
