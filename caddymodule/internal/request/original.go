package request

import (
	"maps"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Original returns a copy of the request for matchers, with the URL and the method from before every
// rewrite, and with placeholders that read them. Headers, host and vars are the current ones. Placeholders
// that a matcher sets, such as {re.name.1}, stay in the copy. Original returns false, and makes no copy, if
// nothing was rewritten.
func Original(r *http.Request) (*http.Request, bool) {
	ctx := r.Context()
	original, known := ctx.Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
	if !known || (original.Method == r.Method && *original.URL == *r.URL) {
		return nil, false
	}
	sent := r.WithContext(ctx)
	url := *original.URL
	sent.Method, sent.URL, sent.RequestURI = original.Method, &url, original.RequestURI

	server, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	replacer := caddy.NewReplacer()
	sent = caddyhttp.PrepareRequest(sent, replacer, nil, server)
	if current, ok := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		replacer.Map(current.Get)
	}
	copyVars(sent, r)
	return sent, true
}

func copyVars(to, from *http.Request) {
	target, _ := to.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	if vars, ok := from.Context().Value(caddyhttp.VarsCtxKey).(map[string]any); ok && target != nil {
		maps.Copy(target, vars)
	}
}
