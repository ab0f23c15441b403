package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// Return describes a request to a redirect URL and its outcome.
type Return struct {
	// Kind is app or browser. It is the login's kind when the store knows the state, and otherwise that of
	// the redirect URL.
	Kind string
	// Outcome is one of [ReturnOutcomes].
	Outcome string
}

// Outcomes of a request to a redirect URL.
const (
	// returnFinished: the login ended with a token, and the browser is logged in.
	returnFinished = "finished"
	// returnWaiting: Signicat has no result yet or is unavailable. The page asks again.
	returnWaiting = "waiting"
	// returnDenied: the user or Signicat refused the login.
	returnDenied = "denied"
	// returnFailed: the login ended without a token for any other reason.
	returnFailed = "failed"
	// returnUnbound: the request is not from the browser that started the login of this state.
	returnUnbound = "unbound"
	// returnUnboundNoCookies: like returnUnbound, and the request had no cookie at all.
	returnUnboundNoCookies = "unbound_no_cookies"
	// returnAppOpenedBrowser: an app's redirect URL opened in a browser, because the phone does not hand it
	// to the app.
	returnAppOpenedBrowser = "app_opened_browser"
	// returnRepeated: the login had ended before, or its app had presented the code.
	returnRepeated = "repeated"
	// returnPrefetch: a browser loaded the URL in advance. The gateway did nothing.
	returnPrefetch = "prefetch"
	// returnMalformed: itsme does not send such a request.
	returnMalformed = "malformed"
	// returnUnavailable: the store is unavailable, or the gateway has no keys yet.
	returnUnavailable = "unavailable"
)

// ReturnOutcomes returns every value of [Return].Outcome.
func ReturnOutcomes() []string {
	return []string{
		returnFinished, returnWaiting, returnDenied, returnFailed, returnUnbound, returnUnboundNoCookies,
		returnAppOpenedBrowser, returnRepeated, returnPrefetch, returnMalformed, returnUnavailable,
	}
}

// returnReport is a return under way, before it is reported.
type returnReport struct {
	kind        store.Kind
	outcome     string
	sessionID   string // only of a login whose binding came with the request
	endedBefore bool   // the login had ended before this request
}

// boundReturn describes a return with the binding of its login. The caller sets the outcome.
func boundReturn(record *store.Record) returnReport {
	return returnReport{kind: record.Kind, sessionID: record.ID, endedBefore: record.Phase.Ended()}
}

// withOutcome sets the outcome. A login that had ended before always counts as repeated.
func (b returnReport) withOutcome(outcome string) returnReport {
	if b.outcome = outcome; b.endedBefore {
		b.outcome = returnRepeated
	}
	return b
}

// unboundReturn describes a return to the browser's redirect URL without the login's cookie. The record is
// nil for an unknown state.
func unboundReturn(r *http.Request, record *store.Record) returnReport {
	back := returnReport{kind: store.Browser, outcome: returnUnbound}
	if len(r.Header["Cookie"]) == 0 {
		back.outcome = returnUnboundNoCookies
	}
	if record != nil {
		back.kind = record.Kind
		if record.Phase.Ended() {
			back.outcome = returnRepeated
		}
	}
	return back
}

// malformedReturn describes a return that names no login.
func malformedReturn(kind store.Kind) returnReport {
	return returnReport{kind: kind, outcome: returnMalformed}
}

// refusedReturn describes a return that its endpoint answered with an error.
func refusedReturn(e endpoint, err error) returnReport {
	back := returnReport{kind: store.App, outcome: returnMalformed}
	if e.browserOnly {
		back.kind = store.Browser
	}
	if failureOf(err).status == http.StatusServiceUnavailable {
		back.outcome = returnUnavailable
	}
	return back
}

// endedReturn returns the outcome of a login that ended without a token.
func endedReturn(err error) string {
	if errors.Is(err, login.ErrDenied) {
		return returnDenied
	}
	return returnFailed
}

// waitingFor returns the outcome of a login that cannot continue for now.
func waitingFor(err error) string {
	if errors.Is(err, login.ErrSignicat) {
		return returnWaiting
	}
	return returnUnavailable
}

// cancelledReturn returns the outcome of a login whose redirect has no code.
func cancelledReturn(code string) string {
	switch code {
	case "access_denied":
		return returnDenied
	case "":
		return returnMalformed
	}
	return returnFailed
}

// returnQuery reads the parameters that itsme appends to a redirect URL. ok is false for a query that itsme
// does not send.
func returnQuery(raw string) (query url.Values, ok bool) {
	query, err := url.ParseQuery(raw)
	if err != nil || refuseRepeated(query, callbackParameters) != nil {
		return nil, false
	}
	state := query.Get("state")
	return query, state != "" && len(state) <= maxState && len(query.Get("code")) <= maxCode
}

// appReturn describes a return to an app's redirect URL in a browser. Only a login that still waits for its
// code counts as a broken app link: an attacker who wants to be counted must start logins, which limits
// bound. A HEAD counts as a prefetch, such as that of a link preview.
func (b *browserAPI) appReturn(x exchange) returnReport {
	back := returnReport{kind: store.App}
	query, ok := returnQuery(x.info.OriginalURL.RawQuery)
	switch {
	case prefetched(x.r) || x.r.Method == http.MethodHead:
		back.outcome = returnPrefetch
		return back
	case !ok || query.Get("code") == "" && query.Get("error") == "":
		return malformedReturn(store.App)
	}
	record, err := b.logins.FindByState(x.r.Context(), query.Get("state"))
	switch {
	case errors.Is(err, login.ErrGrant):
		back.outcome = unboundReturn(x.r, nil).outcome
	case err != nil:
		back.outcome = returnUnavailable
	case record.Kind != store.App:
		back = unboundReturn(x.r, record)
	case record.Phase.Ended() || !record.FirstPresented.IsZero():
		back.outcome = returnRepeated
	default:
		back.outcome = returnAppOpenedBrowser
	}
	return back
}

// reportReturn counts a request to a redirect URL and writes its log line. The line replaces that of the access
// log, which would hold the code and state. Attackers can send any number of such requests, so the log limits
// these lines. The state of a request proves nothing: the line has a session_id only for a login whose
// binding came with the request.
func (b *browserAPI) reportReturn(ctx context.Context, back returnReport) {
	b.config.Observe.Return(Return{Kind: back.kind.String(), Outcome: back.outcome})
	attrs := []slog.Attr{slog.String("kind", back.kind.String()), slog.String("outcome", back.outcome)}
	if back.sessionID != "" {
		attrs = append(attrs, slog.String("session_id", back.sessionID))
	}
	b.log.LogAttrs(ctx, slog.LevelInfo, "redirect URL answered", attrs...)
}

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
