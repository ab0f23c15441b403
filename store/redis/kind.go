package redis

import (
	"errors"
	"fmt"
	"strings"
)

// errSentinel is returned when a Sentinel listens at the address of a Redis server.
var errSentinel = errors.New("the address is that of a Sentinel: add sentinel <master name>, which SENTINEL MASTERS lists")

// sentinelCredentials are the words for a user or password that is refused: which one is not known.
const sentinelCredentials = "the block of sentinel needs user and password of the Sentinels, and store redis those of the servers"

// kinds are the answers of a server that is not of the configured kind, and the words to use.
var kinds = []struct {
	sentinel bool   // whether it is about a configuration that names a master
	several  bool   // whether it has to have several addresses
	answer   string // a part of it
	words    string
}{
	{
		true, false, "unknown command 'SENTINEL'",
		"the address is that of a Redis server, not of a Sentinel: leave sentinel out, or name the Sentinels, usually on port 26379",
	},
	{
		true, false, "No such master with that name",
		"the Sentinels know no master of that name: SENTINEL MASTERS lists the names",
	},
	{
		true, false, "WRONGPASS",
		sentinelCredentials,
	},
	{
		true, false, "NOAUTH",
		sentinelCredentials,
	},
	{
		false, true, "cluster support disabled",
		"several addresses are nodes of a Cluster, and this server is none: name the primary alone, or the Sentinels with sentinel <master name>",
	},
	{
		false, true, "unknown command 'CLUSTER'",
		errSentinel.Error(),
	},
	{
		false, false, "SELECT is not allowed in cluster mode",
		"the server is a node of a Cluster, which has no database but 0: leave database out",
	},
	{
		false, false, "no permissions to run the 'role' command",
		"the ACL user needs +role, as in examples/redis/users.acl; if the address is that of a Sentinel, add sentinel <master name>",
	},
	{
		true, false, "no permissions to run the 'role' command",
		"the ACL user needs +role, as in examples/redis/users.acl",
	},
}

// explain adds to the error of a connection which words the configuration should use.
func (c *connection) explain(err error) error {
	text := strings.ReplaceAll(err.Error(), "`", "'") // Redis 6 and before quote with backquotes
	for _, kind := range kinds {
		if kind.sentinel == (c.config.Sentinel != nil) && (!kind.several || len(c.config.Addresses) > 1) &&
			strings.Contains(strings.ToLower(text), strings.ToLower(kind.answer)) {
			return fmt.Errorf("%s (%w)", kind.words, err)
		}
	}
	return err
}
