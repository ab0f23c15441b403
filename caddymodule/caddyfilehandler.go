package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/block"
)

func init() {
	httpcaddyfile.RegisterDirective("itsme", parseDirective)
	httpcaddyfile.RegisterDirectiveOrder("itsme", httpcaddyfile.After, "forward_auth")
}

// parseDirective moves the directive's matcher into the handler. Other directives have their matcher at the
// route. There, a request that it does not match would skip the handler, and reach the upstream with
// identity headers that the client made up.
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
//	    audience      <URI>
//	    claims        <name...>
//	}
//
// Everything is optional: itsme without a block protects the whole site. See [Handler] for meanings and
// defaults.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { return h.read(d, nil) }

// read reads the directive and checks it against the gateways of the same Caddyfile, if it defines any.
func (h *Handler) read(d *caddyfile.Dispenser, gateways map[string]Gateway) error {
	d.Next() // itsme
	if d.NextArg() {
		if h.MatchRaw != nil {
			return d.Errf("%q is a second matcher; combine both in a named matcher, such as: @private path /a/* /b/*", d.Val())
		}
		return d.Errf("%q is not a matcher; write /path, * or @name, or select a gateway with: itsme { use %s }", d.Val(), d.Val())
	}
	start := *d
	if err := grammar().Read(d, "", h.rows()); err != nil {
		return err
	}
	if err := h.check(gateways); err != nil {
		return block.Line(start, err.Error()).WrapErr(err)
	}
	return nil
}

func (h *Handler) rows() []block.Subdirective {
	return []block.Subdirective{
		{Name: "use", Example: "use default", Read: block.Text(&h.Use)},
		{Name: "public", Example: "public /health /assets/*", Repeats: true, Read: block.Texts(&h.Public)},
		{Name: "optional", Example: "optional", Read: block.Flag(&h.Optional)},
		{Name: "cors_preflight", Example: "cors_preflight", Read: block.Flag(&h.CORSPreflight)},
		{Name: "mode", Example: "mode auto", Read: block.Text(&h.Mode)},
		{Name: "require", Example: "require loa high", Repeats: true, Read: block.Choice("what is required, and of which value", h.Require.rows()...)},
		{Name: "header", Example: "header X-User-Id sub", Repeats: true, Read: h.readHeader},
		{Name: "forward_token", Example: "forward_token authorization", Read: block.Text(&h.ForwardToken)},
		{Name: "audience", Example: "audience https://orders.example.be", Read: block.Text(&h.Audience)},
		{Name: "claims", Example: "claims name", Read: block.Texts(&h.Claims)},
	}
}

func (h *Handler) readHeader(a block.Arguments) error {
	args, err := a.Take(2, "a name and a claim")
	if err != nil {
		return err
	}
	h.Header = append(h.Header, ExtraHeader{Name: args[0], Claim: args[1]})
	return nil
}

var _ caddyfile.Unmarshaler = (*Handler)(nil)
