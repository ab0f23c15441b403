package redis

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// The ports of an address without one.
const (
	redisPort    = "6379"
	sentinelPort = "26379"
)

// unixPrefix begins the address of a socket, for the dialer.
const unixPrefix = "unix:"

// address is what one text of [Config.Addresses] says.
type address struct {
	dial     string // host:port, or unixPrefix and a path
	scheme   string // of a URL; empty for host:port and unix//path
	username string
	password string
	database int // zero when the text names none
}

// shared is what all addresses of a configuration have in common: all but where to dial. The scheme of a socket
// encrypts nothing.
func (a address) shared() address {
	if a.socket() {
		a.scheme = ""
	}
	a.dial = ""
	return a
}

func (a address) socket() bool { return strings.HasPrefix(a.dial, unixPrefix) }

// hostName is what a name or an IPv4 address consists of. A password with an @ behind it is none.
var hostName = regexp.MustCompile(`^[0-9A-Za-z._-]+$`)

// isHost reports whether a text is a name, or an IP address. In an address IPv6 stands in brackets, and
// nothing else does.
func isHost(text string, brackets bool) bool {
	if !brackets {
		return hostName.MatchString(text)
	}
	ip, err := netip.ParseAddr(text)
	return err == nil && ip.Is6() && (ip.Zone() == "" || hostName.MatchString(ip.Zone()))
}

// parseAddress reads one address. It says no more than that a text does not parse: the text may hold a
// password, at whatever place.
func parseAddress(text, defaultPort string) (a address, ok bool) {
	if path, found := strings.CutPrefix(text, "unix/"); found && strings.HasPrefix(path, "/") {
		return socketAddress(address{}, path)
	}
	if !strings.Contains(text, "://") {
		a.dial, ok = joinHost(text)
		return a, ok
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Fragment != "" {
		return address{}, false
	}
	a.scheme, a.username = u.Scheme, u.User.Username()
	a.password, _ = u.User.Password()
	switch u.Scheme {
	case "unix":
		return unixURL(a, u)
	case "redis", "rediss":
		return serverURL(a, u, defaultPort)
	}
	return address{}, false
}

// joinHost reads host:port.
func joinHost(text string) (dial string, ok bool) {
	name, port, err := net.SplitHostPort(text)
	if err != nil || !isHost(name, strings.HasPrefix(text, "[")) || !isPort(port) {
		return "", false
	}
	return net.JoinHostPort(name, port), true
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// serverURL reads redis://[user[:password]@]host[:port][/database].
func serverURL(a address, u *url.URL, defaultPort string) (address, bool) {
	text := u.Host
	if u.Port() == "" {
		text = strings.TrimSuffix(text, ":") + ":" + defaultPort
	}
	var ok bool
	if a.dial, ok = joinHost(text); !ok || u.RawQuery != "" {
		return address{}, false
	}
	return a.withDatabase(strings.TrimPrefix(u.Path, "/"))
}

// unixURL reads unix://[user[:password]@]/path[?db=database].
func unixURL(a address, u *url.URL) (address, bool) {
	if u.Host != "" {
		return address{}, false
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || len(query) > 1 || u.RawQuery != "" && !query.Has("db") {
		return address{}, false
	}
	a, ok := a.withDatabase(query.Get("db"))
	if !ok {
		return address{}, false
	}
	return socketAddress(a, u.Path)
}

func socketAddress(a address, file string) (address, bool) {
	if !path.IsAbs(file) || path.Clean(file) == "/" || strings.Contains(file, "@") {
		return address{}, false
	}
	a.dial = unixPrefix + file
	return a, true
}

// withDatabase reads the number of a database; an empty text is none.
func (a address) withDatabase(text string) (address, bool) {
	if text == "" {
		return a, true
	}
	n, err := strconv.ParseUint(text, 10, 16)
	a.database = int(n)
	return a, err == nil
}

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
		if a.shared() != all[0].shared() {
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
	c.Username, c.Password, c.Database = cmp.Or(a.username, c.Username), cmp.Or(a.password, c.Password), cmp.Or(a.database, c.Database)
	return c, nil
}
