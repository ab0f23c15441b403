package caddymodule

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/block"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/token"
)

func init() { caddy.RegisterModule(RedisStore{}) }

// RedisStore keeps pending sessions, start limits, revocations and refresh tokens in Redis, for
// any number of replicas. While Redis is unavailable, a request that must be checked there gets 503. The
// gateway connects again by itself. Values are sealed: a dump of Redis shows no user's identity.
type RedisStore struct {
	// Address is where Redis listens: host:port, redis://[user[:password]@]host[:port][/database],
	// rediss://... (encrypted), or unix:///path. Give one for a standalone server or for a node of a Cluster,
	// several for nodes of one Cluster, and with sentinel those of the Sentinels. In a URL,
	// percent-encode special characters of user and password. Required.
	Address []string `json:"address,omitempty"`

	// Sentinel names the primary that Sentinels know. Default: the addresses are those of servers.
	Sentinel *RedisSentinel `json:"sentinel,omitempty"`

	// User is the ACL user. Default: the server's default user.
	User string `json:"user,omitempty"`

	// Password is the user's. Use a placeholder. Default: none.
	Password string `json:"password,omitempty"`

	// Database is the number of the logical database. A Cluster has 0 alone. Default 0.
	Database int `json:"database,omitempty"`

	// TLS encrypts the connections to servers and Sentinels. Addresses with rediss:// need no TLS here.
	// Default: off.
	TLS *RedisTLS `json:"tls,omitempty"`

	// Timeout is how long one call to Redis may take, and the making of a connection. Default 1s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// Staleness is how long issued tokens count while Redis is unavailable, 1s to 5m. Within it a logout
	// or revocation on another replica may not be known here: its tokens go on. After it each request
	// with a token gets 503. Logins, refreshes, logouts and revocations get 503 at once. It must be the same
	// on every replica. Default 1s.
	Staleness caddy.Duration `json:"staleness,omitempty"`

	// Prefix begins the gateway's keys in Redis, in braces. It is the same on every replica of the gateway,
	// and different for every other gateway. Default itsme:<gateway>.
	Prefix string `json:"prefix,omitempty"`

	// Secret seals the values: at least 32 random characters, the same on every replica. Make it with
	// openssl rand -base64 32. Required.
	Secret string `json:"secret,omitempty"`

	// OtherSecret opens values and seals none, while the secret changes in three roll-outs without an outage:
	// secret <old> <new>, then secret <new> <old>, and when caddy itsme doctor finds nothing that is sealed
	// with the old one, secret <new>. In the Caddyfile it is the second argument of secret. Default: only
	// secret opens.
	OtherSecret string `json:"other_secret,omitempty"`

	config redis.Config
	files  redisFiles // of TLS
	key    *redisKey  // nil until the pool counts this module
	store  pooledRedis
	log    *slog.Logger
}

// redisKey is the hash of a configuration. It is a hash because a configuration has secrets.
type redisKey [sha256.Size]byte

// CaddyModule returns the Caddy module information.
func (RedisStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "itsme.stores.redis", New: func() caddy.Module { return new(RedisStore) }}
}

const (
	redisAddress          = "store redis address"
	redisPassword         = "store redis password"
	redisSentinelPassword = "store redis sentinel password"
	redisSecret           = "store redis secret"
)

// Provision implements caddy.Provisioner.
func (s *RedisStore) Provision(ctx caddy.Context) (err error) {
	s.log = ctx.Slogger()
	e := &expander{replacer: caddy.NewReplacer()}
	s.config = s.settings(e)
	s.config.TLS, s.files, err = s.TLS.config(e)
	if e.err != nil {
		return e.err
	}
	return err
}

// settings returns the configuration without TLS.
func (s *RedisStore) settings(e *expander) redis.Config {
	config := redis.Config{
		Addresses: e.texts(redisAddress, s.Address),
		Username:  e.text("store redis user", s.User),
		Password:  e.text(redisPassword, s.Password),
		Database:  s.Database,
		Prefix:    e.text("store redis prefix", s.Prefix),
		Secret:    []byte(e.text(redisSecret, s.Secret)),
		Sentinel:  s.Sentinel.config(e),
		Timeout:   time.Duration(s.Timeout),
		Staleness: time.Duration(s.Staleness),
		Now:       clock,

		MaxClockOffset: token.Skew,
	}
	if s.OtherSecret != "" {
		config.OtherSecret = []byte(e.text(redisSecret, s.OtherSecret))
	}
	return config
}

// Open implements StoreModule.
func (s *RedisStore) Open(gateway string) (store.Store, error) {
	if s.config.Prefix == "" {
		s.config.Prefix = "itsme:" + gateway
	}
	key, err := s.fingerprint()
	if err != nil {
		return nil, err
	}
	kept, _, err := redisStores.LoadOrNew(key, func() (caddy.Destructor, error) {
		log := new(currentLog)
		log.use(s.log)
		s.config.Logger = slog.New(log)
		st, err := redis.Open(s.config)
		return pooledRedis{st, log}, err
	})
	if err != nil {
		return nil, fmt.Errorf("store redis: %s", mistake(err))
	}
	s.key = &key
	s.store = kept.(pooledRedis)
	return s.store.Store, nil
}

// mistake returns what is wrong with a configuration.
func mistake(err error) string { return strings.TrimPrefix(err.Error(), redis.ErrConfig.Error()+": ") }

// check refuses the same as Open, but reads no file: here the line is known. It checks nothing if a placeholder has no
// value on this machine.
func (s *RedisStore) check() error {
	e := &expander{replacer: caddy.NewReplacer()}
	config := s.settings(e)
	if e.err != nil {
		return nil
	}
	if s.TLS != nil {
		config.TLS = new(tls.Config)
	}
	st, err := redis.Open(config)
	if err != nil {
		return err
	}
	return st.Close()
}

// fingerprint returns the hash of the configuration.
func (s *RedisStore) fingerprint() (redisKey, error) {
	text, err := json.Marshal([]any{
		s.config.Addresses, s.config.Sentinel, s.config.Username, s.config.Password, s.config.Database, s.TLS, s.files,
		s.config.Timeout, s.config.Staleness, s.config.Prefix, s.config.Secret, s.config.OtherSecret,
	})
	return sha256.Sum256(text), err
}

// Start implements StoreModule.
func (s *RedisStore) Start() {
	s.store.log.use(s.log)
	s.store.Start()
}

// Cleanup implements caddy.CleanerUpper. The last configuration that uses the store closes it.
func (s *RedisStore) Cleanup() error {
	if s.key == nil {
		return nil
	}
	_, err := redisStores.Delete(*s.key)
	return err
}

// UnmarshalCaddyfile sets up the module from Caddyfile tokens. Syntax:
//
//	store redis {
//	    address   <host:port|URL...>
//	    sentinel  <master> {
//	        user     <name>
//	        password <password>
//	    }
//	    user      <name>
//	    password  <password>
//	    database  <number>
//	    tls       [<file with CA certificates>] {
//	        ca          <file>
//	        certificate <file> <key>
//	        server_name <name>
//	    }
//	    timeout   <duration>
//	    staleness <duration>
//	    prefix    <prefix>
//	    secret    <secret> [<other secret>]
//	}
func (s *RedisStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	if d.NextArg() {
		return d.Err("store: redis takes a block and no argument; write: store redis { address 127.0.0.1:6379 ... }")
	}
	start := *d
	if err := grammar().Read(d, "store redis ", s.rows()); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return block.Line(start, mistake(err)).WrapErr(fmt.Errorf("store redis: %s", mistake(err)))
	}
	return nil
}

func (s *RedisStore) rows() []block.Subdirective {
	return []block.Subdirective{
		{Name: "address", Example: "address 127.0.0.1:6379", Read: block.Texts(&s.Address)},
		{Name: "sentinel", Example: "sentinel mymaster { user itsme ... }", Read: s.readSentinel},
		{Name: "user", Example: "user itsme", Read: block.Text(&s.User)},
		{Name: "password", Example: "password {env.REDIS_PASSWORD}", Read: block.Text(&s.Password)},
		{Name: "database", Example: "database 1", Read: s.readDatabase},
		{Name: "tls", Example: "tls, or: tls /etc/redis/ca.pem, or: tls { ca ... }", Read: s.readTLS},
		{Name: "timeout", Example: "timeout 1s", Read: block.Duration(&s.Timeout)},
		{Name: "staleness", Example: "staleness 1s", Read: block.Duration(&s.Staleness)},
		{Name: "prefix", Example: "prefix itsme:default", Read: block.Text(&s.Prefix)},
		{Name: "secret", Example: "secret {env.ITSME_STORE_SECRET}", Read: s.readSecrets},
	}
}

// readSecrets reads the secret that seals, and the one that opens only.
func (s *RedisStore) readSecrets(a block.Arguments) error {
	args := a.RemainingArgs()
	if len(args) < 1 || len(args) > 2 {
		return a.Wrong("takes one secret, or two while it changes, got %d arguments", len(args))
	}
	s.Secret = args[0]
	if len(args) == 2 {
		if s.OtherSecret = args[1]; s.OtherSecret == "" {
			return a.Wrong("the second secret is empty; leave it out")
		}
	}
	return nil
}

func (s *RedisStore) readDatabase(a block.Arguments) error {
	args, err := a.Take(1, "one argument")
	if err != nil {
		return err
	}
	if s.Database, err = strconv.Atoi(args[0]); err != nil || s.Database < 0 {
		return a.Wrong("%s is not the number of a database", block.Quote(args[0]))
	}
	return nil
}

var (
	_ StoreModule           = (*RedisStore)(nil)
	_ caddy.Provisioner     = (*RedisStore)(nil)
	_ caddy.CleanerUpper    = (*RedisStore)(nil)
	_ caddyfile.Unmarshaler = (*RedisStore)(nil)
)
