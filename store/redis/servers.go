package redis

import (
	"context"
	"errors"
	"fmt"
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
	nodes := (*c.client.Load()).Nodes()
	servers := make([]Server, 0, len(nodes))
	for _, address := range slices.Sorted(maps.Keys(nodes)) {
		server, err := c.ask(ctx, address, nodes[address])
		if err != nil {
			return nil, err
		}
		servers = append(servers, server)
	}
	return servers, nil
}

func (c *connection) ask(ctx context.Context, address string, node rueidis.Client) (Server, error) {
	limited, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	info, err := node.Do(limited, node.B().Info().Build()).ToString()
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
	for address, node := range (*c.client.Load()).Nodes() {
		found = append(found, c.checkNode(ctx, address, node))
	}
	return errors.Join(found...)
}

func (c *connection) checkNode(ctx context.Context, address string, node rueidis.Client) error {
	limited, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	// CONFIG GET has the policy as well, but is forbidden more often.
	info, err := node.Do(limited, node.B().Info().Section("memory").Build()).ToString()
	if _, refused := rueidis.IsRedisErr(err); refused {
		return fmt.Errorf("%w: %s: %s", errPolicyUnknown, address, c.plain(err))
	}
	if err != nil {
		return c.unavailable(ctx, "asking for the maxmemory-policy", err)
	}
	return checkPolicy(address, info)
}

// checkPolicy reads the answer of INFO memory.
func checkPolicy(address, info string) error {
	switch policy := described(address, info).Policy; policy {
	case "noeviction":
		return nil
	case "":
		return fmt.Errorf("%w: %s does not report it", errPolicyUnknown, address)
	default:
		return fmt.Errorf("%w: %s has %s", errEvicts, address, policy)
	}
}
