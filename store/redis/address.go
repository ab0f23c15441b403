package redis

import (
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

// credentials are what all addresses of a configuration share.
func (a address) credentials() [3]string {
	return [3]string{a.username, a.password, strconv.Itoa(a.database)}
}

// encryption is the scheme that says how to connect, empty where the configuration says it.
func (a address) encryption() string {
	if a.socket() {
		return ""
	}
	return a.scheme
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
