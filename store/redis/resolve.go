package redis

import (
	"crypto/tls"
	"fmt"
)

// resolve reads the addresses, and takes over what their URLs say beside. Afterwards every address is
// host:port, or unix: and the path of a socket.
func (c Config) resolve() (Config, error) {
	if len(c.Addresses) == 0 {
		return c, fmt.Errorf("%w: no address; name host:port of the server, of nodes of a Cluster, or of Sentinels", ErrConfig)
	}
	port := redisPort
	if c.Sentinel != nil {
		port = sentinelPort
	}
	all := make([]address, len(c.Addresses))
	for i, text := range c.Addresses {
		var ok bool
		if all[i], ok = parseAddress(text, port); !ok {
			return c, fmt.Errorf("%w: address %d does not parse; write host:port, such as 10.0.0.5:6379, redis://user:password@10.0.0.5:6379/0, "+
				"rediss://... or unix:///run/redis/redis.sock, and in a URL percent-encode what is special in user and password", ErrConfig, i+1)
		}
	}
	c.Addresses = make([]string, len(all))
	for i, a := range all {
		c.Addresses[i] = a.dial
		if a.credentials() != all[0].credentials() || a.encryption() != all[0].encryption() {
			return c, fmt.Errorf("%w: address %d and the first differ in user, password, database or encryption; use one of each for all", ErrConfig, i+1)
		}
	}
	return c.adopt(all[0])
}

// adopt takes over what one URL says. What the configuration says as well is an error: one of the two
// would not count.
func (c Config) adopt(a address) (Config, error) {
	switch {
	case a.username != "" && c.Username != "", a.password != "" && c.Password != "", a.database != 0 && c.Database != 0:
		return c, fmt.Errorf("%w: user, password or database stand in the address as well; keep them in one place", ErrConfig)
	case c.Sentinel != nil && (a.username != "" || a.password != ""):
		return c, fmt.Errorf("%w: a user or password in the address of a Sentinel; write them in the block of sentinel, and those of the servers beside it", ErrConfig)
	case c.TLS != nil && a.scheme == "redis":
		return c, fmt.Errorf("%w: tls, and an address that begins with redis://; write rediss://, or leave tls out", ErrConfig)
	case c.TLS != nil && a.socket():
		return c, fmt.Errorf("%w: tls, and the address of a Unix socket; leave tls out", ErrConfig)
	}
	if a.scheme == "rediss" && c.TLS == nil {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if a.username != "" {
		c.Username = a.username
	}
	if a.password != "" {
		c.Password = a.password
	}
	if a.database != 0 {
		c.Database = a.database
	}
	return c, nil
}
