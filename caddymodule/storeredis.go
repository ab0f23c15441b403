package caddymodule

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/block"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/token"
)

func init() { caddy.RegisterModule(RedisStore{}) }

// redisStores holds the stores by configuration. A reload that does not change the configuration keeps the
// connections, and the revocations that this replica has read.
var redisStores = caddy.NewUsagePool()

// RedisStore keeps pending sessions, start limits, revocations and refresh tokens in Redis, for
// any number of replicas. While Redis is unavailable, a request that must be checked there gets 503. The
// gateway connects again by itself. Values are sealed: a dump of Redis shows no user's identity.
type RedisStore struct {
	// Address is where Redis listens, each host:port. Give one for a standalone server or for a node of
	// a Cluster, several for nodes of one Cluster. Required.
	Address []string `json:"address,omitempty"`

	// User is the ACL user. Default: the server's default user.
	User string `json:"user,omitempty"`

	// Password is the user's. Default none.
	Password string `json:"password,omitempty"`

	// Database is the number of the logical database. Default 0, the only one of a Cluster.
	Database int `json:"database,omitempty"`

	// TLS encrypts the connection. Default: in the clear.
	TLS *RedisTLS `json:"tls,omitempty"`

	// Prefix begins the gateway's keys in Redis, in braces. It is the same on every replica of the gateway,
	// and different for every other gateway. Default itsme:<gateway>.
	Prefix string `json:"prefix,omitempty"`

	// Secret seals the values: at least 32 random characters, the same on every replica. Make it with
	// openssl rand -base64 32. Required.
	Secret string `json:"secret,omitempty"`

	config redis.Config
	ca     []byte    // the content of TLS.CA; the file may change before a reload
	key    *redisKey // nil until the pool counts this module
	store  pooledRedis
	log    *slog.Logger
}

// RedisTLS selects the trusted certificates.
type RedisTLS struct {
	// CA is a file with the certificates, in PEM, of authorities that may sign the server's. Default:
	// those of the system.
	CA string `json:"ca,omitempty"`
}

// redisKey is the hash of a configuration. It is a hash because a configuration has secrets.
type redisKey [sha256.Size]byte

// CaddyModule returns the Caddy module information.
func (RedisStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "itsme.stores.redis", New: func() caddy.Module { return new(RedisStore) }}
}

const (
	redisPassword = "store redis password"
	redisSecret   = "store redis secret"
)

// Provision implements caddy.Provisioner.
func (s *RedisStore) Provision(ctx caddy.Context) error {
	s.log = ctx.Slogger()
	e := &expander{replacer: caddy.NewReplacer()}
	s.config = redis.Config{
		Addresses: e.texts("store redis address", s.Address),
		Username:  e.text("store redis user", s.User),
		Password:  e.text(redisPassword, s.Password),
		Database:  s.Database,
		Prefix:    e.text("store redis prefix", s.Prefix),
		Secret:    []byte(e.text(redisSecret, s.Secret)),
		Now:       clock,

		MaxClockOffset: token.Skew,
	}
	if e.err != nil {
		return e.err
	}
	return s.provisionTLS(e)
}

func (s *RedisStore) provisionTLS(e *expander) error {
	if s.TLS == nil {
		return nil
	}
	s.config.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	file := e.text("store redis tls", s.TLS.CA)
	if e.err != nil || file == "" {
		return e.err
	}
	var err error
	if s.ca, err = os.ReadFile(file); err != nil {
		return fmt.Errorf("store redis tls: reading the certificates: %w", err)
	}
	s.config.TLS.RootCAs = x509.NewCertPool()
	if !s.config.TLS.RootCAs.AppendCertsFromPEM(s.ca) {
		return fmt.Errorf("store redis tls: %s holds no certificate in PEM; name the file of the authority that signed the server's", file)
	}
	return nil
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
		return nil, fmt.Errorf("store redis: %s", strings.TrimPrefix(err.Error(), redis.ErrConfig.Error()+": "))
	}
	s.key = &key
	s.store = kept.(pooledRedis)
	return s.store.Store, nil
}

// fingerprint returns the hash of the configuration.
func (s *RedisStore) fingerprint() (redisKey, error) {
	text, err := json.Marshal([]any{
		s.config.Addresses, s.config.Username, s.config.Password, s.config.Database, s.TLS, s.ca, s.config.Prefix, s.config.Secret,
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
//	    address  <host:port...>
//	    user     <name>
//	    password <password>
//	    database <number>
//	    tls      [<file with CA certificates>]
//	    prefix   <prefix>
//	    secret   <secret>
//	}
func (s *RedisStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	if d.NextArg() {
		return d.Err("store: redis takes a block and no argument; write: store redis { address 127.0.0.1:6379 ... }")
	}
	return grammar().Read(d, "store redis ", s.rows())
}

func (s *RedisStore) rows() []block.Subdirective {
	return []block.Subdirective{
		{Name: "address", Example: "address 127.0.0.1:6379", Read: block.Texts(&s.Address)},
		{Name: "user", Example: "user itsme", Read: block.Text(&s.User)},
		{Name: "password", Example: "password {env.REDIS_PASSWORD}", Read: block.Text(&s.Password)},
		{Name: "database", Example: "database 1", Read: s.readDatabase},
		{Name: "tls", Example: "tls", Read: s.readTLS},
		{Name: "prefix", Example: "prefix itsme:default", Read: block.Text(&s.Prefix)},
		{Name: "secret", Example: "secret {env.ITSME_STORE_SECRET}", Read: block.Text(&s.Secret)},
	}
}

func (s *RedisStore) readDatabase(a block.Arguments) error {
	args, err := a.Take(1, "one argument")
	if err != nil {
		return err
	}
	if s.Database, err = strconv.Atoi(args[0]); err != nil || s.Database < 0 {
		return a.Wrong("%q is not the number of a database", args[0])
	}
	return nil
}

func (s *RedisStore) readTLS(a block.Arguments) error {
	args := a.RemainingArgs()
	if len(args) > 1 {
		return a.Wrong("takes one file at most, got %d", len(args))
	}
	s.TLS = new(RedisTLS)
	if len(args) == 1 {
		s.TLS.CA = args[0]
	}
	return nil
}

// pooledRedis is a store that a caddy.UsagePool can close.
type pooledRedis struct {
	*redis.Store
	log *currentLog
}

// Destruct implements caddy.Destructor.
func (p pooledRedis) Destruct() error { return p.Close() }

var (
	_ StoreModule           = (*RedisStore)(nil)
	_ caddy.Provisioner     = (*RedisStore)(nil)
	_ caddy.CleanerUpper    = (*RedisStore)(nil)
	_ caddyfile.Unmarshaler = (*RedisStore)(nil)
)
