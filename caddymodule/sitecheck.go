package caddymodule

import (
	"cmp"
	"encoding/json"
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
	for _, m := range marks {
		if err := config.CheckSite(m.config); err != nil {
			return m.at.WrapErr(err)
		}
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
