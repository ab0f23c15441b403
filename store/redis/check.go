package redis

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/rueidis"
)

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
