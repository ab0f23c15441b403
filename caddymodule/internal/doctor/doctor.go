// Package doctor finds mistakes in a configuration, and failures of what it depends on: sites, logs,
// storage, keys, Redis, Signicat, the clock and the public URL. It writes one probe to Caddy's storage and
// deletes it again. It changes nothing else.
package doctor

import (
	"context"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/coverage"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// checkDeadline bounds one check. A check makes a few calls, each with a deadline of its own.
const checkDeadline = time.Minute

// Config describes a configuration to the doctor.
type Config struct {
	// Gateways are the gateways to check.
	Gateways []Gateway
	// Sites are the mistakes that package coverage found.
	Sites []coverage.Finding
	// SiteNotes are no mistakes, and are not logged when Caddy starts.
	SiteNotes []coverage.Finding
	// Logs are Caddy's logs by name.
	Logs map[string]*caddy.CustomLog
	// Storage is Caddy's storage.
	Storage certmagic.Storage
	// LocalStorage reports that the storage is a folder of this machine.
	LocalStorage bool
}

// Gateway is one gateway of the configuration.
type Gateway struct {
	Name string
	// Config is its configuration with defaults.
	Config gateway.Config
	// Used reports whether a site uses the gateway.
	Used bool
	// Memory reports whether its store is the memory of one process.
	Memory bool
	// Redis is its store, nil with another store.
	Redis *redis.Store
	// Keys are its signing keys, nil with a key file.
	Keys *keyring.Keyring
	// KeyFile is the key in the file, nil without a key file.
	KeyFile *token.KeySet
}

// doctor checks one configuration.
type doctor struct {
	Config
	offline  bool
	fetch    fetcher
	replacer *caddy.Replacer
	now      func() time.Time
}

// Examine runs all checks and returns their findings in order. Offline leaves out the checks that need the
// network.
func Examine(ctx context.Context, config Config, offline bool) []Finding {
	d := &doctor{Config: config, offline: offline, fetch: newFetcher(nil), replacer: caddy.NewReplacer(), now: time.Now}
	return once(append(one(configLoads, "the configuration loads"), d.examine(ctx)...))
}

// check examines the whole configuration, or each gateway.
type check struct {
	name    string // in the finding that the check was left out
	network bool   // it needs the network
	whole   func(*doctor, context.Context) []Finding
	each    func(*doctor, context.Context, *Gateway) []Finding
}

// checks are all checks in order. Those that need other machines come last.
func checks() []check {
	return []check{
		{name: "sites", whole: (*doctor).checkSites},
		{name: "logs", whole: (*doctor).checkLogs},
		{name: "storage", whole: (*doctor).checkStorage},
		{name: "storage owner", whole: (*doctor).checkOwners},
		{name: "use", each: (*doctor).checkUse},
		{name: "loa", each: (*doctor).checkLoA},
		{name: "keys", each: (*doctor).checkKeys},
		{name: "redirect URLs", each: (*doctor).checkRedirectURLs},
		{name: "store memory", each: (*doctor).checkMemory},
		{name: "Redis", network: true, each: (*doctor).checkRedis},
		{name: "Signicat and the clock", network: true, each: (*doctor).checkSignicat},
		{name: "public URL", network: true, each: (*doctor).checkPublicURL},
		{name: "instances", network: true, each: (*doctor).checkInstances},
		{name: "app links", network: true, each: (*doctor).checkAppLinks},
		{name: "certificates", network: true, each: (*doctor).checkCertificates},
	}
}

func (d *doctor) examine(ctx context.Context) (all []Finding) {
	for _, c := range checks() {
		switch {
		case c.network && d.offline:
			all = append(all, find(leftOut, "%s: the check needs the network", c.name))
		case c.whole != nil:
			all = append(all, within(ctx, func(ctx context.Context) []Finding { return c.whole(d, ctx) })...)
		default:
			all = append(all, d.examineEach(ctx, c)...)
		}
	}
	return all
}

func (d *doctor) examineEach(ctx context.Context, c check) (all []Finding) {
	for i := range d.Gateways {
		g := &d.Gateways[i]
		for _, finding := range within(ctx, func(ctx context.Context) []Finding { return c.each(d, ctx, g) }) {
			finding.Gateway = g.Name
			all = append(all, finding)
		}
	}
	return all
}

// within bounds a check by checkDeadline.
func within(ctx context.Context, do func(context.Context) []Finding) []Finding {
	ctx, cancel := context.WithTimeout(ctx, checkDeadline)
	defer cancel()
	return do(ctx)
}
