package doctor

import "context"

// instanceAsks is how many connections checkInstances makes. The kernel gives each one to one of the
// processes that share a port (SO_REUSEPORT). A process that gets a quarter of them is missed once in a
// hundred checks.
const instanceAsks = 16

// checkInstances finds two processes at one address that each keep logins in their own memory. A second
// Caddy on the same port starts without an error, and takes some of the connections.
func (d *doctor) checkInstances(ctx context.Context, g *Gateway) []Finding {
	if !g.Memory {
		return nil // replicas that share Redis are meant to be several
	}
	at := g.Config.PublicURL + g.Config.Path + "/health/ready"
	var first string
	for range instanceAsks {
		answer, err := d.fetch.head(ctx, at) // on a connection of its own
		switch {
		case err != nil:
			return one(instanceUnknown, "%s: %v", at, err)
		case answer.instance == "":
			return one(instanceUnknown, "%s answers %d without Itsme-Instance", at, answer.status)
		case first == "":
			first = answer.instance
		case answer.instance != first:
			return one(instanceSeveral, "%s is answered by two processes, %q and %q, and each keeps logins in its own memory", at, first, answer.instance)
		}
	}
	return one(instanceOne, "%s is answered by one process", at)
}
