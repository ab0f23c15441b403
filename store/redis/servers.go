package redis

import (
	"context"
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
