package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// prefetchHeaders are the headers of a request for a page that the user may open next. Purpose, X-Purpose and
// X-Moz are older than https://wicg.github.io/nav-speculation/prefetch.html#sec-purpose-header.
var prefetchHeaders = []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"}

// prefetched reports whether a browser loads a page in advance, to show it later or not at all.
func prefetched(r *http.Request) bool {
	return slices.ContainsFunc(prefetchHeaders, func(name string) bool {
		return slices.ContainsFunc(r.Header[name], func(value string) bool {
			value = strings.ToLower(strings.TrimSpace(value))
			return strings.HasPrefix(value, "prefetch") || strings.Contains(value, "prerender") || strings.HasPrefix(value, "preview")
		})
	})
}

// writePrefetch answers a request that loads a page in advance. It does nothing else: a redirect URL that is
// loaded in advance would consume the code, and the user's own request would find the login ended. A browser
// drops a 204 and asks again when the user opens the page.
func writePrefetch(w http.ResponseWriter) {
	noStore(w.Header())
	w.Header().Set("Vary", strings.Join(prefetchHeaders, ", "))
	w.WriteHeader(http.StatusNoContent)
}

// refusePrefetch refuses a request that loads the browser's redirect URL in advance, and counts it.
func (b *browserAPI) refusePrefetch(x exchange) {
	b.reportReturn(x.r.Context(), returnReport{kind: store.Browser, outcome: returnPrefetch})
	writePrefetch(x.w)
}
