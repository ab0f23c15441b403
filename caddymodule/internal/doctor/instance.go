package doctor

import "context"

// instanceRequests is how many connections checkInstances makes. The kernel gives each connection to one of
// the processes that share a port (SO_REUSEPORT). The check misses a process that gets a quarter of the
// connections once in a hundred runs.
const instanceRequests = 16

// checkInstances finds two processes at one address that each keep logins in memory. A second Caddy on the
// same port starts without an error, and takes some of the connections.
func (d *doctor) checkInstances(ctx context.Context, g *Gateway) []Finding {
	if !g.Memory {
		return nil // with Redis, several replicas at one address are intended
	}
	at := g.Config.PublicURL + g.Config.Path + "/health/ready"
	var first string
	for range instanceRequests {
		answer, err := d.fetch.head(ctx, at) // on a connection of its own
		switch {
		case err != nil:
			return one(instanceUnknown, "%s: %v", at, err)
		case answer.instance == "":
			return one(instanceUnknown, "%s answers with status %d and without the header Itsme-Instance", at, answer.status)
		case first == "":
			first = answer.instance
		case answer.instance != first:
			return one(instanceSeveral, "two processes answer at %s, %q and %q, and each keeps logins in its own memory", at, first, answer.instance)
		}
	}
	return one(instanceOne, "one process answers at %s", at)
}
