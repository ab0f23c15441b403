package caddymodule

import (
	"context"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// checkDeadline bounds one check: it makes a few calls, each with a deadline of its own.
const checkDeadline = time.Minute

// doctor looks at a configuration from outside, as its operator would, and changes nothing but a
// probe in Caddy's storage, which it takes away again.
type doctor struct {
	config   *loadedConfig
	patients []*patient
	offline  bool
	fetch    fetcher
	replacer *caddy.Replacer
	now      func() time.Time
}

// patient is one gateway of the configuration.
type patient struct {
	name     string
	config   gateway.Config // with its defaults
	gateway  *gateway.Gateway
	store    StoreModule
	keys     *keyring.Keyring // nil with a key file
	fileKeys *token.KeySet    // of the key file
}

// check is one thing to look at: of the whole configuration, or of each gateway.
type check struct {
	name    string // in plain words, for who left it out
	network bool   // it cannot be done without
	whole   func(*doctor, context.Context) []diagnosis
	each    func(*doctor, context.Context, *patient) []diagnosis
}

// checks are all that the doctor does, in order: first what needs nothing, then what needs others.
func checks() []check {
	return []check{
		{name: "sites", whole: (*doctor).checkSites},
		{name: "logs", whole: (*doctor).checkLogs},
		{name: "storage", whole: (*doctor).checkStorage},
		{name: "use", each: (*doctor).checkUse},
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

// examine does every check, and tells what it found as soon as it knows.
func (d *doctor) examine(ctx context.Context, tell func(diagnosis)) {
	for _, c := range checks() {
		switch {
		case c.network && d.offline:
			tell(diagnose(leftOut, "%s: needs the network", c.name))
		case c.whole != nil:
			for _, finding := range within(ctx, func(ctx context.Context) []diagnosis { return c.whole(d, ctx) }) {
				tell(finding)
			}
		default:
			d.examineEach(ctx, c, tell)
		}
	}
}

func (d *doctor) examineEach(ctx context.Context, c check, tell func(diagnosis)) {
	for _, p := range d.patients {
		for _, finding := range within(ctx, func(ctx context.Context) []diagnosis { return c.each(d, ctx, p) }) {
			finding.Gateway = p.name
			tell(finding)
		}
	}
}

// within does a check within its deadline.
func within(ctx context.Context, do func(context.Context) []diagnosis) []diagnosis {
	ctx, cancel := context.WithTimeout(ctx, checkDeadline)
	defer cancel()
	return do(ctx)
}
