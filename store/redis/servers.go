package redis

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/redis/rueidis"
)

// Server describes one server, by its own answer.
type Server struct {
	// Address is where it listens, host:port.
	Address string
	// Version is its version, such as 7.0.15. Empty when the server refuses to answer.
	Version string
	// Policy is its maxmemory-policy: noeviction is the one that loses nothing. Empty when the
	// server refuses to answer.
	Policy string
	// Logs reports whether it writes every change to an append-only file. Snapshots are
	// not reported.
	Logs bool
}

// Servers asks every server about itself, in the order of their addresses. One that refuses to
// answer has its address alone. It returns [store.ErrUnavailable] when it cannot ask.
func (c *connection) Servers(ctx context.Context) ([]Server, error) {
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	var servers []Server
	for address, node := range c.nodes() {
		server, err := c.ask(ctx, address, node)
		if err != nil {
			return nil, err
		}
		servers = append(servers, server)
	}
	return servers, nil
}

// nodes returns a client of each server, in the order of their addresses.
func (c *connection) nodes() iter.Seq2[string, rueidis.Client] {
	return func(yield func(string, rueidis.Client) bool) {
		all := (*c.client.Load()).Nodes()
		for _, address := range slices.Sorted(maps.Keys(all)) {
			if !yield(address, all[address]) {
				return
			}
		}
	}
}

// ask asks one server for sections of INFO, or for all without any.
func (c *connection) ask(ctx context.Context, address string, node rueidis.Client, sections ...string) (Server, error) {
	limited, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	info, err := node.Do(limited, node.B().Info().Section(sections...).Build()).ToString()
	if _, refused := rueidis.IsRedisErr(err); refused {
		return Server{Address: address}, nil
	}
	if err != nil {
		return Server{}, c.unavailable(ctx, "asking for the server's state", err)
	}
	return described(address, info), nil
}

// described reads the answer of INFO.
func described(address, info string) Server {
	server := Server{Address: address}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "redis_version":
			server.Version = value
		case "maxmemory_policy":
			server.Policy = value
		case "aof_enabled":
			server.Logs = value == "1"
		}
	}
	return server
}

var (
	// errEvicts is returned when the server may drop keys on its own account.
	errEvicts = errors.New("server may evict keys: set its maxmemory-policy to noeviction")
	// errPolicyUnknown is returned when the server does not say whether it may.
	errPolicyUnknown = errors.New("maxmemory-policy of the server cannot be read")
)

// Check looks at every server for what would make the store lose what it keeps. It
// returns an error for each server that may evict keys or does not report whether it
// may, and [store.ErrUnavailable] when it cannot look.
func (c *connection) Check(ctx context.Context) error {
	if err := c.ready(ctx); err != nil {
		return err
	}
	var found []error
	for address, node := range c.nodes() {
		server, err := c.ask(ctx, address, node, "memory")
		if err == nil {
			err = checkPolicy(server)
		}
		found = append(found, err)
	}
	return errors.Join(found...)
}

// checkPolicy returns what is wrong with a server's maxmemory-policy.
func checkPolicy(server Server) error {
	switch server.Policy {
	case "noeviction":
		return nil
	case "":
		return fmt.Errorf("%w: %s does not report it; allow the ACL user +info, as in examples/redis/users.acl", errPolicyUnknown, server.Address)
	default:
		return fmt.Errorf("%w: %s has %s", errEvicts, server.Address, server.Policy)
	}
}
