package redis

import (
	"context"
	"fmt"

	"github.com/redis/rueidis"
)

// primary is a client that takes answers from a primary alone. In front of every command it asks the same
// connection for the server's role. What a replica answers may be older than anything: its link may be
// lost. In a Cluster a replica does not answer, but names its primary.
//
// The role comes first: a server that is a primary then knows everything that was confirmed before, and
// a server that is demoted meanwhile still does.
type primary struct {
	rueidis.Client
	connection *connection
}

// primary returns the client of the connection, for what only a primary may answer.
func (c *connection) primary() rueidis.Client {
	client := *c.client.Load()
	if client.Mode() == rueidis.ClientModeCluster {
		return client
	}
	return primary{client, c}
}

// Do implements rueidis.Client.
func (p primary) Do(ctx context.Context, command rueidis.Completed) rueidis.RedisResult {
	return p.DoMulti(ctx, command)[0]
}

// DoMulti implements rueidis.Client.
func (p primary) DoMulti(ctx context.Context, commands ...rueidis.Completed) []rueidis.RedisResult {
	asked := append([]rueidis.Completed{p.B().Role().Build()}, commands...)
	results := p.Client.DoMulti(ctx, asked...)
	err := p.connection.checkRole(results[0])
	results = results[1:]
	if err != nil {
		for i := range results {
			results[i] = rueidis.NewErrorResult(err)
		}
	}
	return results
}

// checkRole reads the answer of ROLE. It leaves a server that is no primary, so that the address is
// resolved again.
func (c *connection) checkRole(answer rueidis.RedisResult) error {
	fields, err := answer.ToArray()
	if err != nil {
		return err
	}
	if len(fields) == 0 {
		return errMalformed
	}
	switch role, _ := fields[0].ToString(); role {
	case "master":
		return nil
	case "slave":
		c.refuse(CauseReadOnly)
		return &refusal{CauseReadOnly, fmt.Sprintf("%s: %s", CauseReadOnly.Problem(), CauseReadOnly.Remedy())}
	case "sentinel":
		return errSentinel
	}
	return errMalformed
}
