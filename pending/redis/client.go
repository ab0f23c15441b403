package redis

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/redis/rueidis"
)

// pingInterval is how often a connection on which nothing comes back is asked for a
// sign of life. Without one within a call's time it is given up and made anew.
const pingInterval = time.Second

// connBuffer is the size of a connection's buffers, in bytes: a few records.
const connBuffer = 64 << 10

// connect makes the client, which afterwards connects anew by itself. A server that
// is no node of a Cluster says so, and is used as the single one that it is.
func (c *connection) connect() error {
	if c.client.Load() != nil {
		return nil
	}
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: c.config.Addresses,
		Username:    c.config.Username,
		Password:    c.config.Password,
		SelectDB:    c.config.Database,
		TLSConfig:   c.config.TLS,
		ClientName:  "caddy-itsme",

		DialCtxFn: func(_ context.Context, address string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return c.dialer.dial(address)
		},
		Dialer:              net.Dialer{Timeout: c.config.Timeout, KeepAlive: pingInterval},
		ConnWriteTimeout:    c.config.Timeout,
		ReadBufferEachConn:  connBuffer,
		WriteBufferEachConn: connBuffer,

		// One connection a server carries everything, and a call that is given up
		// neither closes it nor waits for its answer.
		PipelineMultiplex: -1,
		AlwaysPipelining:  true,
		// A call fails once and soon. The caller decides whether to try again.
		DisableRetry: true,
		// The copy of the revocations is our own.
		DisableCache: true,
	})
	if err != nil {
		return c.unavailable(c.alive, "connecting to Redis", err)
	}
	c.client.Store(&client)
	return nil
}
