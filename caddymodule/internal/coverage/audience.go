package coverage

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// receiver is an upstream that receives a token, and the site that sends it.
type receiver struct {
	gateway  *gateway.Gateway
	audience string
	site     string
	upstream string
}

// receive records the upstream of the last itsme handler before it, if it receives a token.
func (w *walk) receive(h *reverseproxy.Handler, c chain) {
	if c.errors || c.last == nil || c.last.handler.Audience == "" {
		return
	}
	w.receivers = append(w.receivers, receiver{
		gateway: c.last.handler.Gateway, audience: c.last.handler.Audience,
		site: describe(w.server, c.last.conditions), upstream: addressOf(h),
	})
}

// addressOf returns a text that is the same for two handlers with the same servers.
func addressOf(h *reverseproxy.Handler) string {
	var servers []string
	for _, upstream := range h.Upstreams {
		servers = append(servers, upstream.Dial)
	}
	slices.Sort(servers)
	dynamic, _ := json.Marshal(h.DynamicUpstreams) // without an error: Caddy loaded it from JSON
	return strings.Join(append(servers, string(dynamic)), " ")
}

// sharedAudiences finds sites with different upstreams whose tokens have one audience. There is one finding for each
// such audience.
func sharedAudiences(walks []*walk) (found []Finding) {
	var all []receiver
	for _, w := range walks {
		all = append(all, w.receivers...)
	}
	for len(all) > 0 {
		first := all[0]
		var sites, upstreams []string
		all = slices.DeleteFunc(all, func(r receiver) bool {
			if r.gateway != first.gateway || r.audience != first.audience {
				return false
			}
			sites, upstreams = append(sites, r.site), append(upstreams, r.upstream)
			return true
		})
		if sites, upstreams = distinct(sites), distinct(upstreams); len(sites) > 1 && len(upstreams) > 1 {
			found = append(found, Finding{
				Name: AudienceShared, Site: strings.Join(sites, ", "),
				Problem: fmt.Sprintf("their upstreams share the audience %s: each can use the tokens that it receives at the others", first.audience),
			})
		}
	}
	return found
}

func distinct(texts []string) []string {
	slices.Sort(texts)
	return slices.Compact(texts)
}
