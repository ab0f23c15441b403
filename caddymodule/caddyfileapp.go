package caddymodule

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/block"
)

func init() { httpcaddyfile.RegisterGlobalOption("itsme", parseGlobalOption) }

// parseGlobalOption reads one gateway and adds it to the gateways of earlier options.
func parseGlobalOption(d *caddyfile.Dispenser, existing any) (any, error) {
	var app App
	if before, ok := existing.(httpcaddyfile.App); ok {
		if err := json.Unmarshal(before.Value, &app); err != nil {
			return nil, d.WrapErr(err)
		}
	}
	if err := app.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "itsme", Value: caddyconfig.JSON(app, nil)}, nil
}

// UnmarshalCaddyfile reads one gateway from the global option, which may repeat under another
// name. Syntax:
//
//	itsme [<name>] {
//	    public_url       <https url>
//	    path             </prefix>
//	    signicat {
//	        client_id       <id>
//	        client_secret   <secret>
//	        account_id      <id>
//	        organization_id <id>
//	        api_url         <url>
//	        timeout         <duration>
//	        state_encoding  raw|encoded
//	        parameter       <name> <value>    # may repeat
//	        propagate_trace
//	    }
//	    redirect_url     <url>
//	    app_redirect_url <url...>        # may repeat
//	    app_link         ios <team id>.<bundle id>              # may repeat
//	    app_link         android <package> <sha-256...>         # may repeat
//	    attributes       <attribute...>
//	    loa              low|substantial|high
//	    language         nl|fr|de|en
//	    session_lifetime <duration>
//	    token {
//	        issuer       <url>
//	        audience     <audience...>
//	        lifetime     <duration>
//	        refresh      <duration>
//	        dpop         optional|required [nonce]
//	        algorithm    ES256|EdDSA|RS256
//	        claims       <claim...>
//	        encrypted
//	        key          <file>
//	        rotate       <duration>
//	        keys         store|storage
//	    }
//	    cookie           <name> <lifetime>
//	    store            memory|redis        # redis takes a block of its own
//	    limit {
//	        sessions_per_client   <count> <window>
//	        token_per_client      <count> <window>
//	        sessions              <count> <window>
//	        pending               <count>
//	        pending_per_client    <count>
//	        long_polls_per_client <count>
//	        status_reads          <count> <window>
//	    }
//	    page {
//	        name         <text>
//	        logo         <url>|</path>
//	        color        <color> [<dark mode color>]
//	        start        early|tap
//	        text         <key> nl|fr|de|en <text>   # may repeat
//	    }
//	    verify           <address or range...>
//	}
//
// The name is "default" when omitted. public_url, signicat and attributes are required; see
// [Gateway] for what each means and for defaults.
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // itsme
	name := DefaultGateway
	switch args := d.RemainingArgs(); len(args) {
	case 0:
	case 1:
		name = args[0]
	default:
		return d.Errf("a gateway takes one name, got %d; write: itsme %s { ... }", len(args), args[0])
	}
	if _, taken := a.Gateways[name]; taken {
		return d.Errf("two gateways are named %s; give the other a name, itsme <name> { ... }, and select it in a site with use <name>", name)
	}
	var g Gateway
	start := *d
	if err := grammar().Read(d, "", g.rows()); err != nil {
		return err
	}
	if err := g.check(); err != nil {
		return block.Line(start, err.Error()).WrapErr(fmt.Errorf("gateway %s: %w", name, err))
	}
	if a.Gateways == nil {
		a.Gateways = make(map[string]Gateway)
	}
	a.Gateways[name] = g
	return nil
}

// grammar lists every block that this package reads.
func grammar() block.Grammar {
	var g Gateway
	var h Handler
	return block.Grammar{
		{Name: "the global option itsme", Rows: g.rows()},
		{Name: "the directive itsme", Rows: h.rows()},
		{Name: "signicat", Rows: g.Signicat.rows()},
		{Name: "token", Rows: g.Token.rows()},
		{Name: "limit", Rows: g.Limit.rows()},
		{Name: "page", Rows: g.Page.rows()},
		{Name: "require", Rows: h.Require.rows()},
		{Name: "store redis", Rows: new(RedisStore).rows()},
		{Name: "store redis tls", Rows: new(RedisTLS).rows()},
	}
}

func (g *Gateway) rows() []block.Subdirective {
	return []block.Subdirective{
		{Name: "public_url", Example: "public_url https://app.example.be", Read: block.Text(&g.PublicURL)},
		{Name: "path", Example: "path /itsme", Read: block.Text(&g.Path)},
		{Name: "signicat", Example: "signicat { client_id ... }", Read: block.Nested(g.Signicat.rows()...)},
		{Name: "redirect_url", Example: "redirect_url https://app.example.be/itsme/callback", Read: block.Text(&g.RedirectURL)},
		{Name: "app_redirect_url", Example: "app_redirect_url https://app.example.be/itsme/app/callback", Repeats: true, Read: block.Texts(&g.AppRedirectURL)},
		{Name: "app_link", Example: "app_link ios A1B2C3D4E5.be.example.app, or: app_link android be.example.app AA:BB:...", Repeats: true, Read: g.AppLink.read},
		{Name: "attributes", Example: "attributes name firstName lastName", Read: block.Texts(&g.Attributes)},
		{Name: "loa", Example: "loa substantial", Read: block.Text(&g.LoA)},
		{Name: "language", Example: "language nl", Read: block.Text(&g.Language)},
		{Name: "session_lifetime", Example: "session_lifetime 20m", Read: block.Duration(&g.SessionLifetime)},
		{Name: "token", Example: "token { lifetime ... }", Read: block.Nested(g.Token.rows()...)},
		{Name: "cookie", Example: "cookie itsme 8h", Read: g.Cookie.read},
		{Name: "store", Example: "store memory", Read: g.readStore},
		{Name: "limit", Example: "limit { pending ... }", Read: block.Nested(g.Limit.rows()...)},
		{Name: "page", Example: "page { name ... }", Read: block.Nested(g.Page.rows()...)},
		{Name: "verify", Example: "verify 10.0.0.0/8", Read: block.Texts(&g.Verify)},
	}
}

func (s *Signicat) rows() []block.Subdirective {
	return []block.Subdirective{
		{Name: "client_id", Example: "client_id {env.SIGNICAT_CLIENT_ID}", Read: block.Text(&s.ClientID)},
		{Name: "client_secret", Example: "client_secret {env.SIGNICAT_CLIENT_SECRET}", Read: block.Text(&s.ClientSecret)},
		{Name: "account_id", Example: "account_id {env.SIGNICAT_ACCOUNT_ID}", Read: block.Text(&s.AccountID)},
		{Name: "organization_id", Example: "organization_id {env.SIGNICAT_ORGANIZATION_ID}", Read: block.Text(&s.OrganizationID)},
		{Name: "api_url", Example: "api_url https://api.signicat.com", Read: block.Text(&s.APIURL)},
		{Name: "timeout", Example: "timeout 10s", Read: block.Duration(&s.Timeout)},
		{Name: "state_encoding", Example: "state_encoding raw", Read: block.Text(&s.StateEncoding)},
		{Name: "parameter", Example: "parameter itsme_response_type code", Repeats: true, Read: s.readParameter},
		{Name: "propagate_trace", Example: "propagate_trace", Read: block.Flag(&s.PropagateTrace)},
	}
}

func (t *Token) rows() []block.Subdirective {
	return []block.Subdirective{
		{Name: "issuer", Example: "issuer https://app.example.be", Read: block.Text(&t.Issuer)},
		{Name: "audience", Example: "audience https://api.example.be", Read: block.Texts(&t.Audience)},
		{Name: "lifetime", Example: "lifetime 15m", Read: block.Duration(&t.Lifetime)},
		{Name: "refresh", Example: "refresh 30d", Read: block.Duration(&t.Refresh)},
		{Name: "dpop", Example: "dpop required", Read: t.DPoP.read},
		{Name: "algorithm", Example: "algorithm ES256", Read: block.Text(&t.Algorithm)},
		{Name: "claims", Example: "claims name birthdate", Read: block.Texts(&t.Claims)},
		{Name: "encrypted", Example: "encrypted", Read: block.Flag(&t.Encrypted)},
		{Name: "key", Example: "key /etc/itsme/signing.pem", Read: block.Text(&t.Key)},
		{Name: "rotate", Example: "rotate 30d", Read: block.Duration(&t.Rotate)},
		{Name: "keys", Example: "keys storage", Read: block.Text(&t.Keys)},
	}
}

// read reads the mode, and the word nonce behind it.
func (p *DPoP) read(a block.Arguments) error {
	args := a.RemainingArgs()
	if len(args) == 0 || len(args) > 2 || len(args) == 2 && args[1] != "nonce" {
		return a.Wrong("takes optional or required, and nonce behind it to demand a nonce in every proof")
	}
	p.Mode, p.Nonce = args[0], len(args) == 2
	return nil
}

func (l *Limit) rows() []block.Subdirective {
	return []block.Subdirective{
		{Name: "sessions_per_client", Example: "sessions_per_client 60 1m", Read: block.Rate(&l.SessionsPerClient.Count, &l.SessionsPerClient.Window)},
		{Name: "sessions", Example: "sessions 600 1m", Read: block.Rate(&l.Sessions.Count, &l.Sessions.Window)},
		{Name: "token_per_client", Example: "token_per_client 600 1m", Read: block.Rate(&l.TokenPerClient.Count, &l.TokenPerClient.Window)},
		{Name: "pending", Example: "pending 100000", Read: block.Count(&l.Pending)},
		{Name: "pending_per_client", Example: "pending_per_client 60", Read: block.Count(&l.PendingPerClient)},
		{Name: "long_polls_per_client", Example: "long_polls_per_client 64", Read: block.Count(&l.LongPollsPerClient)},
		{Name: "status_reads", Example: "status_reads 50 1s", Read: block.Rate(&l.StatusReads.Count, &l.StatusReads.Window)},
	}
}

func (p *Page) rows() []block.Subdirective {
	return []block.Subdirective{
		{Name: "name", Example: `name "Example Bank"`, Read: block.Text(&p.Name)},
		{Name: "logo", Example: "logo /assets/logo.svg", Read: block.Text(&p.Logo)},
		{Name: "color", Example: "color 0b5cad 9ccbff (without a #, which begins a comment)", Read: block.Texts(&p.Color)},
		{Name: "start", Example: "start tap", Read: block.Text(&p.Start)},
		{Name: "text", Example: `text login.title nl "Welkom"`, Repeats: true, Read: p.readText},
	}
}

func (p *Page) readText(a block.Arguments) error {
	args, err := a.Take(3, "a key, a language and a text")
	if err != nil {
		return err
	}
	key, language := args[0], args[1]
	if _, twice := p.Text[key][language]; twice {
		return a.Wrong("%s %s is set twice; remove one", key, language)
	}
	if p.Text == nil {
		p.Text = make(map[string]map[string]string)
	}
	if p.Text[key] == nil {
		p.Text[key] = make(map[string]string)
	}
	p.Text[key][language] = args[2]
	return nil
}

func (s *Signicat) readParameter(a block.Arguments) error {
	args, err := a.Take(2, "a name and a value")
	if err != nil {
		return err
	}
	if _, twice := s.Parameter[args[0]]; twice {
		return a.Wrong("%s is set twice; remove one", args[0])
	}
	if s.Parameter == nil {
		s.Parameter = make(map[string]string)
	}
	s.Parameter[args[0]] = args[1]
	return nil
}

func (c *Cookie) read(a block.Arguments) error {
	args, err := a.Take(2, "a name and a lifetime")
	if err != nil {
		return err
	}
	c.Name = args[0]
	return a.Duration(&c.Lifetime, args[1])
}

// read adds one app to the list of its platform.
func (l *AppLink) read(a block.Arguments) error {
	args := a.RemainingArgs()
	switch {
	case len(args) == 2 && args[0] == "ios":
		l.IOS = append(l.IOS, args[1])
	case len(args) >= 3 && args[0] == "android":
		l.Android = append(l.Android, AndroidApp{Package: args[1], Fingerprints: args[2:]})
	default:
		return a.Wrong("takes ios and one app, or android, a package and fingerprints")
	}
	return nil
}

// readStore passes the rest of the line, and its block if there is one, to the store's module.
func (g *Gateway) readStore(a block.Arguments) error {
	const namespace = "itsme.stores"
	if !a.NextArg() {
		return a.Wrong("takes the name of a store")
	}
	name := a.Val()
	var known []string
	for _, module := range caddy.GetModules(namespace) {
		known = append(known, module.ID.Name())
		if module.ID.Name() == name {
			store, err := caddyfile.UnmarshalModule(a.Dispenser, string(module.ID))
			if err != nil {
				return err
			}
			g.StoreRaw = caddyconfig.JSONModuleObject(store, "module", name, nil)
			return nil
		}
	}
	return a.Errf("store: this Caddy has no store of that name; use one of: %s", strings.Join(known, " "))
}

var _ caddyfile.Unmarshaler = (*App)(nil)
