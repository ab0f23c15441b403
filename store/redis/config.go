package redis

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

const (
	// DefaultPrefix is what the keys of a gateway begin with.
	DefaultPrefix = "itsme:default"
	// DefaultTimeout is how long one call may take.
	DefaultTimeout = time.Second
	// DefaultStaleness is for how long after the last look at the list of revocations credentials are
	// checked against the copy of it.
	DefaultStaleness = store.MaxStaleness
	// MaxStaleness is the most that [Config.Staleness] may be.
	MaxStaleness = 5 * time.Minute
	// DefaultMaxClockOffset is how far this machine's clock and Redis' may be apart.
	DefaultMaxClockOffset = time.Minute
	// MinSecret is how long a secret has to be, in bytes.
	MinSecret = 32
)

// ErrConfig is returned when a configuration cannot work.
var ErrConfig = errors.New("invalid Redis configuration")

// Config says how to reach Redis and what to keep there. Addresses and Secret are
// required; every other zero field takes its default.
type Config struct {
	// Addresses are where Redis listens: each host:port, a URL with the scheme redis, rediss or unix, or
	// unix//path. One is a standalone server or a node of a Cluster, which is found out; several are
	// nodes of one Cluster. With Sentinel they are those of the Sentinels. A URL may also name user,
	// password and database; rediss encrypts. Required.
	Addresses []string

	// Sentinel names the primary that Sentinels know. Nil connects to Addresses themselves.
	Sentinel *Sentinel

	// Username is the ACL user. Default: the server's default user.
	Username string
	// Password is the user's. Default: none.
	Password string

	// Database is the number of the logical database. Default 0, the only one that a
	// Cluster has.
	Database int

	// TLS encrypts the connections to servers and Sentinels, and says whom to trust. Nil connects in the
	// clear, but for URLs with the scheme rediss. Without ServerName it is the host of the address.
	TLS *tls.Config

	// Prefix separates the keys of gateways that share a server: they begin
	// with "{Prefix}:". Every replica of a gateway has the same, and no other gateway.
	// Without braces. Default [DefaultPrefix].
	Prefix string

	// Secret is what values are sealed with: random bytes, the same on every replica,
	// at least [MinSecret]. Required. A text that a person made up is no secret.
	Secret []byte

	// OtherSecret opens values, and seals none. It is set while the secret changes: first every replica
	// gets the new secret here, then the two change places, and when nothing is sealed with the old one
	// any more, it goes. Default: none.
	OtherSecret []byte

	// Timeout bounds one call, and the making of a connection. Default
	// [DefaultTimeout], at least 1 ms.
	Timeout time.Duration

	// Staleness is how old the copy of the revocations may be that credentials are checked against. While
	// Redis is unavailable, issued tokens count that long, and a logout on another replica is not known
	// here. Afterwards every credential is refused. Nothing is issued by a copy older than
	// [store.MaxStaleness]. The same on every replica. Default [DefaultStaleness], at least that and at
	// most [MaxStaleness].
	Staleness time.Duration

	// MaxClockOffset is how far this machine's clock and Redis' may be apart before Logger receives a
	// warning. Default [DefaultMaxClockOffset].
	MaxClockOffset time.Duration

	// Logger receives when Redis is reached and lost, and what is wrong with the
	// server. Nil discards.
	Logger *slog.Logger

	// Now is the clock by which revocations end, records stop being loaded, and the
	// lifetime of a new family is computed. Nil is time.Now. Everything else
	// goes by the server's clock.
	Now func() time.Time
}

// Sentinel says which primary to ask the Sentinels for. They are asked again whenever a connection is
// lost, and every second.
type Sentinel struct {
	// Master is the name that the Sentinels have for the primary. Required.
	Master string
	// Username is a user of the Sentinels. Default: their default user.
	Username string
	// Password is the user's. Default: none. That of the servers is never sent to a Sentinel.
	Password string
}

// complete returns the configuration with its defaults, or [ErrConfig].
func (c Config) complete() (Config, error) {
	c.Prefix = cmp.Or(c.Prefix, DefaultPrefix)
	c.Timeout = cmp.Or(c.Timeout, DefaultTimeout)
	c.Staleness = cmp.Or(c.Staleness, DefaultStaleness)
	c.MaxClockOffset = cmp.Or(c.MaxClockOffset, DefaultMaxClockOffset)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c, err := c.resolve()
	if err != nil {
		return c, err
	}
	return c, c.check()
}

func (c Config) check() error {
	for _, secret := range c.secrets() {
		if len(secret) < MinSecret {
			return fmt.Errorf("%w: the secret has %d bytes; use at least %d random ones, such as openssl rand -base64 32 prints",
				ErrConfig, len(secret), MinSecret)
		}
	}
	switch {
	case bytes.Equal(c.Secret, c.OtherSecret):
		return fmt.Errorf("%w: both secrets are the same; name the new one and the old one, or one alone", ErrConfig)
	case c.Database < 0:
		return fmt.Errorf("%w: database %d; use 0 or more", ErrConfig, c.Database)
	case c.Sentinel != nil && c.Sentinel.Master == "":
		return fmt.Errorf("%w: sentinel without the name of a master; SENTINEL MASTERS lists the names", ErrConfig)
	case c.Database > 0 && len(c.Addresses) > 1 && c.Sentinel == nil:
		return fmt.Errorf("%w: a Cluster has no database but 0; leave database out, or name one address", ErrConfig)
	case strings.ContainsAny(c.Prefix, "{}"):
		// Redis takes what is in the first pair of braces for the slot.
		return fmt.Errorf("%w: braces in the prefix; leave them out, they are added", ErrConfig)
	case c.Timeout < time.Millisecond:
		return fmt.Errorf("%w: a timeout of %v; use at least 1ms", ErrConfig, c.Timeout)
	case c.Staleness < DefaultStaleness || c.Staleness > MaxStaleness:
		return fmt.Errorf("%w: a staleness of %v; use %v to %v", ErrConfig, c.Staleness, DefaultStaleness, MaxStaleness)
	}
	return nil
}

// secrets returns the one that seals, and then the other one.
func (c Config) secrets() [][]byte {
	if c.OtherSecret == nil {
		return [][]byte{c.Secret}
	}
	return [][]byte{c.Secret, c.OtherSecret}
}

// passwords returns all that there are.
func (c Config) passwords() (all []string) {
	if c.Password != "" {
		all = append(all, c.Password)
	}
	if c.Sentinel != nil && c.Sentinel.Password != "" {
		all = append(all, c.Sentinel.Password)
	}
	return all
}
