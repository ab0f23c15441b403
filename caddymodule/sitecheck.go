package caddymodule

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/block"
	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// mark is a line of a Caddyfile, with the site's configuration up to that line.
type mark struct {
	at     *caddyfile.Dispenser
	use    string
	config gateway.SiteConfig
}

func (h *Handler) mark(d *caddyfile.Dispenser) mark {
	at := caddyfile.NewDispenser([]caddyfile.Token{d.Token()})
	at.Next()
	return mark{at: at, use: h.Use, config: h.siteConfig()}
}

// marked returns rows that also append a mark when they are read.
func (h *Handler) marked(rows []block.Subdirective, marks *[]mark) []block.Subdirective {
	for i, row := range rows {
		rows[i].Read = func(a block.Arguments) error {
			err := row.Read(a)
			*marks = append(*marks, h.mark(a.Dispenser))
			return err
		}
	}
	return rows
}

// check refuses the same sites as Provision, and names the line, which Provision does not know. It checks
// nothing without gateways in the Caddyfile, or if a placeholder in their attributes has no value on this
// machine: Provision then returns the error.
func (h *Handler) check(marks []mark, gateways map[string]Gateway) error {
	if len(gateways) == 0 {
		return nil
	}
	name := cmp.Or(h.Use, DefaultGateway)
	g, ok := gateways[name]
	if !ok {
		i := slices.IndexFunc(marks, func(m mark) bool { return m.use == h.Use })
		return marks[i].at.WrapErr(unknownGateway(name, gateways))
	}
	e := &expander{replacer: caddy.NewReplacer()}
	config := gateway.Config{
		Attributes: e.texts("attributes", g.Attributes),
		Token:      gateway.TokenConfig{Claims: e.texts("token claims", g.Token.Claims), Encrypted: g.Token.Encrypted},
	}
	if e.err != nil {
		return nil
	}
	own := audiencesOf(gateways)
	for _, m := range marks {
		if err := config.CheckSite(m.config); err != nil {
			return m.at.WrapErr(err)
		}
		if m.config.Audience == "" {
			continue
		}
		if err := gateway.CheckAudience(m.config.Audience, own); err != nil {
			return m.at.WrapErr(err)
		}
	}
	return nil
}

// audiencesOf returns the audiences of each gateway's own tokens and cookies. It leaves out a gateway with a
// placeholder that has no value on this machine.
func audiencesOf(gateways map[string]Gateway) map[string][]string {
	own := make(map[string][]string)
	for name, g := range gateways {
		e := &expander{replacer: caddy.NewReplacer()}
		config := gateway.Config{PublicURL: e.text("public_url", g.PublicURL), Path: e.text("path", g.Path)}
		config.Token.Audience = e.texts("token audience", g.Token.Audience)
		if e.err == nil {
			own[name] = config.OwnAudiences()
		}
	}
	return own
}

// claimAudience refuses an audience for a site that is one of any gateway's own tokens or cookies, and one whose
// document is that of another site's. Caddy provisions sites one by one.
func (a *App) claimAudience(audience string) error {
	if audience == "" {
		return nil
	}
	own := make(map[string][]string)
	for name, i := range a.instances {
		own[name] = i.gateway.OwnAudiences()
	}
	if err := gateway.CheckAudience(audience, own); err != nil {
		return err
	}
	if at, ok := gateway.ResourceDocument(audience); ok {
		if other, taken := a.audiences[at]; taken && other != audience {
			return fmt.Errorf("audience: %q and %q would publish one document, https://%s (RFC 9728); use one of the two", audience, other, at)
		}
		a.audiences[at] = audience
	}
	return nil
}

// gatewaysOf returns the gateways that a Caddyfile has defined so far.
func gatewaysOf(h httpcaddyfile.Helper) map[string]Gateway {
	var app App
	if option, ok := h.Option("itsme").(httpcaddyfile.App); ok && json.Unmarshal(option.Value, &app) != nil {
		return nil
	}
	return app.Gateways
}
