package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	httpcaddyfile.RegisterDirective("itsme", parseDirective)
	httpcaddyfile.RegisterDirectiveOrder("itsme", httpcaddyfile.After, "forward_auth")
}

// parseDirective moves the directive's matcher into the handler: with the matcher at the route,
// as for other directives, a request that it does not match would reach the upstream with
// whatever identity headers the client made up.
func parseDirective(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next() // itsme
	match, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, h.WrapErr(err)
	}
	handler := new(Handler)
	if match != nil {
		handler.MatchRaw = caddyhttp.RawMatcherSets{match}
	}
	if err := handler.read(h.Dispenser, gatewaysOf(h)); err != nil {
		return nil, err
	}
	return h.NewRoute(nil, handler), nil
}

// UnmarshalCaddyfile reads the directive, without its matcher. Syntax:
//
//	itsme [<matcher>] {
//	    use           <name>
//	    public        <path...>         # may repeat
//	    optional
//	    cors_preflight
//	    mode          auto|api|browser
//	    require       loa low|substantial|high
//	    require       max_age <duration>
//	    require       min_age <years>
//	    require       claim <claim> <value...>    # may repeat
//	    header        <name> <claim>    # may repeat
//	    forward_token authorization|off|<header>
//	}
//
// Everything is optional: a bare itsme protects the whole site. See [Handler] for what each
// means and for defaults.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { return h.read(d, nil) }

// read reads the directive and checks it against the gateways of the same Caddyfile, if there are any.
func (h *Handler) read(d *caddyfile.Dispenser, gateways map[string]Gateway) error {
	d.Next() // itsme
	if d.NextArg() {
		if h.MatchRaw != nil {
			return d.Errf("%q is a second matcher; combine them in a named one, such as: @private path /a/* /b/*", d.Val())
		}
		return d.Errf("%q is no matcher; a matcher is /path, * or @name, and a gateway is chosen with: itsme { use %s }", d.Val(), d.Val())
	}
	marks := []mark{h.mark(d)}
	if _, err := readBlock(d, "", h.marked(h.rows(), &marks)); err != nil {
		return err
	}
	return h.check(marks, gateways)
}

func (h *Handler) rows() []subdirective {
	return []subdirective{
		{name: "use", example: "use default", read: text(&h.Use)},
		{name: "public", example: "public /health /assets/*", repeats: true, read: texts(&h.Public)},
		{name: "optional", example: "optional", read: flag(&h.Optional)},
		{name: "cors_preflight", example: "cors_preflight", read: flag(&h.CORSPreflight)},
		{name: "mode", example: "mode auto", read: text(&h.Mode)},
		{name: "require", example: "require loa high", repeats: true, read: h.Require.read},
		{name: "header", example: "header X-User-Id sub", repeats: true, read: h.readHeader},
		{name: "forward_token", example: "forward_token authorization", read: text(&h.ForwardToken)},
	}
}

func (h *Handler) readHeader(a arguments) error {
	args, err := a.take(2, "a name and a claim")
	if err != nil {
		return err
	}
	h.Header = append(h.Header, ExtraHeader{Name: args[0], Claim: args[1]})
	return nil
}

var _ caddyfile.Unmarshaler = (*Handler)(nil)
