package caddymodule

import (
	"encoding/json"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

func init() { httpcaddyfile.RegisterGlobalOption("itsme", parseGlobalOption) }

// parseGlobalOption reads one gateway and adds it to those before it.
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
//	        algorithm    ES256|EdDSA|RS256
//	        claims       <claim...>
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
		return d.Errf("there are two gateways named %s; name the other, and choose it in a site with use: itsme <name> { ... }", name)
	}
	var g Gateway
	if _, err := readBlock(d, "", g.rows()); err != nil {
		return err
	}
	if a.Gateways == nil {
		a.Gateways = make(map[string]Gateway)
	}
	a.Gateways[name] = g
	return nil
}

func (g *Gateway) rows() []subdirective {
	return []subdirective{
		{name: "public_url", example: "public_url https://app.example.be", read: text(&g.PublicURL)},
		{name: "path", example: "path /itsme", read: text(&g.Path)},
		{name: "signicat", example: "signicat { client_id ... }", read: block(g.Signicat.rows()...)},
		{name: "redirect_url", example: "redirect_url https://app.example.be/itsme/callback", read: text(&g.RedirectURL)},
		{name: "app_redirect_url", example: "app_redirect_url https://app.example.be/itsme/app/callback", repeats: true, read: texts(&g.AppRedirectURL)},
		{name: "app_link", example: "app_link ios A1B2C3D4E5.be.example.app, or: app_link android be.example.app AA:BB:...", repeats: true, read: g.AppLink.read},
		{name: "attributes", example: "attributes name firstName lastName", read: texts(&g.Attributes)},
		{name: "loa", example: "loa substantial", read: text(&g.LoA)},
		{name: "language", example: "language nl", read: text(&g.Language)},
		{name: "session_lifetime", example: "session_lifetime 20m", read: duration(&g.SessionLifetime)},
		{name: "token", example: "token { lifetime ... }", read: block(g.Token.rows()...)},
		{name: "cookie", example: "cookie itsme 8h", read: g.Cookie.read},
		{name: "store", example: "store memory", read: g.readStore},
		{name: "limit", example: "limit { pending ... }", read: block(g.Limit.rows()...)},
		{name: "page", example: "page { name ... }", read: block(g.Page.rows()...)},
		{name: "verify", example: "verify 10.0.0.0/8", read: texts(&g.Verify)},
	}
}

func (s *Signicat) rows() []subdirective {
	return []subdirective{
		{name: "client_id", example: "client_id {env.SIGNICAT_CLIENT_ID}", read: text(&s.ClientID)},
		{name: "client_secret", example: "client_secret {env.SIGNICAT_CLIENT_SECRET}", read: text(&s.ClientSecret)},
		{name: "account_id", example: "account_id {env.SIGNICAT_ACCOUNT_ID}", read: text(&s.AccountID)},
		{name: "organization_id", example: "organization_id {env.SIGNICAT_ORGANIZATION_ID}", read: text(&s.OrganizationID)},
		{name: "api_url", example: "api_url https://api.signicat.com", read: text(&s.APIURL)},
		{name: "timeout", example: "timeout 10s", read: duration(&s.Timeout)},
		{name: "state_encoding", example: "state_encoding raw", read: text(&s.StateEncoding)},
		{name: "propagate_trace", example: "propagate_trace", read: flag(&s.PropagateTrace)},
	}
}

func (t *Token) rows() []subdirective {
	return []subdirective{
		{name: "issuer", example: "issuer https://app.example.be", read: text(&t.Issuer)},
		{name: "audience", example: "audience https://api.example.be", read: texts(&t.Audience)},
		{name: "lifetime", example: "lifetime 15m", read: duration(&t.Lifetime)},
		{name: "refresh", example: "refresh 30d", read: duration(&t.Refresh)},
		{name: "algorithm", example: "algorithm ES256", read: text(&t.Algorithm)},
		{name: "claims", example: "claims name birthdate", read: texts(&t.Claims)},
		{name: "key", example: "key /etc/itsme/signing.pem", read: text(&t.Key)},
		{name: "rotate", example: "rotate 30d", read: duration(&t.Rotate)},
		{name: "keys", example: "keys storage", read: text(&t.Keys)},
	}
}

func (l *Limit) rows() []subdirective {
	return []subdirective{
		{name: "sessions_per_client", example: "sessions_per_client 60 1m", read: rate(&l.SessionsPerClient)},
		{name: "sessions", example: "sessions 600 1m", read: rate(&l.Sessions)},
		{name: "token_per_client", example: "token_per_client 600 1m", read: rate(&l.TokenPerClient)},
		{name: "pending", example: "pending 100000", read: count(&l.Pending)},
		{name: "pending_per_client", example: "pending_per_client 60", read: count(&l.PendingPerClient)},
		{name: "long_polls_per_client", example: "long_polls_per_client 64", read: count(&l.LongPollsPerClient)},
		{name: "status_reads", example: "status_reads 50 1s", read: rate(&l.StatusReads)},
	}
}

func (p *Page) rows() []subdirective {
	return []subdirective{
		{name: "name", example: `name "Example Bank"`, read: text(&p.Name)},
		{name: "logo", example: "logo /assets/logo.svg", read: text(&p.Logo)},
		{name: "color", example: "color 0b5cad 9ccbff (without a #, which begins a comment)", read: texts(&p.Color)},
		{name: "text", example: `text login.title nl "Welkom"`, repeats: true, read: p.readText},
	}
}

func (p *Page) readText(a arguments) error {
	args, err := a.take(3, "a key, a language and a text")
	if err != nil {
		return err
	}
	key, language := args[0], args[1]
	if _, twice := p.Text[key][language]; twice {
		return a.wrong("%s %s stands there twice; keep one", key, language)
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

func (c *Cookie) read(a arguments) error {
	args, err := a.take(2, "a name and a lifetime")
	if err != nil {
		return err
	}
	c.Name = args[0]
	return a.duration(&c.Lifetime, args[1])
}

// read adds one app.
func (l *AppLink) read(a arguments) error {
	args := a.RemainingArgs()
	switch {
	case len(args) == 2 && args[0] == "ios":
		l.IOS = append(l.IOS, args[1])
	case len(args) >= 3 && args[0] == "android":
		l.Android = append(l.Android, AndroidApp{Package: args[1], Fingerprints: args[2:]})
	default:
		return a.wrong("takes ios and one app, or android, a package and fingerprints")
	}
	return nil
}

// readStore hands the rest of the line, and a block if there is one, to the store's module.
func (g *Gateway) readStore(a arguments) error {
	const namespace = "itsme.stores"
	if !a.NextArg() {
		return a.wrong("takes the name of a store")
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
	return a.Errf("store: this Caddy has no store named %s; use one of: %s", name, strings.Join(known, " "))
}

var _ caddyfile.Unmarshaler = (*App)(nil)
