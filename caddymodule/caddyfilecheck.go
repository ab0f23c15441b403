package caddymodule

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// check refuses the same gateways as Provision, but for its store: here the line is known. It checks nothing if a
// placeholder has no value on this machine.
func (g Gateway) check() error {
	e := &expander{replacer: caddy.NewReplacer()}
	config := g.config(e)
	_, err := g.keys(e)
	if e.err != nil {
		return nil
	}
	if err != nil {
		return err
	}
	memory := store.NewMemory(clock)
	defer func() { _ = memory.Close() }() // its error is always nil
	config.Store, config.Keys = memory, new(token.Keys)
	made, err := gateway.New(config)
	if err != nil {
		return err
	}
	return made.Close()
}

// check refuses the same sites as Provision: here the line is known. It checks nothing without gateways in the
// Caddyfile, or if a placeholder in their attributes has no value on this machine.
func (h *Handler) check(gateways map[string]Gateway) error {
	if len(gateways) == 0 {
		return nil
	}
	name := cmp.Or(h.Use, DefaultGateway)
	g, ok := gateways[name]
	if !ok {
		return fmt.Errorf("use: %w", unknownGateway(name, gateways))
	}
	e := &expander{replacer: caddy.NewReplacer()}
	config := gateway.Config{
		Attributes: e.texts("attributes", g.Attributes),
		Token:      gateway.TokenConfig{Claims: e.texts("token claims", g.Token.Claims), Encrypted: g.Token.Encrypted},
	}
	if e.err != nil {
		return nil
	}
	if err := config.CheckSite(h.siteConfig()); err != nil || h.Audience == "" {
		return err
	}
	return gateway.CheckAudience(h.Audience, audiencesOf(gateways))
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

// gatewaysOf returns the gateways that a Caddyfile has defined so far.
func gatewaysOf(h httpcaddyfile.Helper) map[string]Gateway {
	var app App
	if option, ok := h.Option("itsme").(httpcaddyfile.App); ok && json.Unmarshal(option.Value, &app) != nil {
		return nil
	}
	return app.Gateways
}
