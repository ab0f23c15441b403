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
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// Return is a request to a redirect URL, and what the gateway made of it.
type Return struct {
	// Kind is app or browser: the login's, where the state is that of a login that the store knows, and
	// else that of the redirect URL.
	Kind string
	// Outcome is one of [ReturnOutcomes].
	Outcome string
}

// What a request to a redirect URL can end in.
const (
	// returnFinished: the login ended with a token, and the browser is logged in.
	returnFinished = "finished"
	// returnWaiting: Signicat is not done with the login, or unavailable. The page asks again.
	returnWaiting = "waiting"
	// returnDenied: the user or Signicat refused the login.
	returnDenied = "denied"
	// returnFailed: the login ended without a token for any other reason.
	returnFailed = "failed"
	// returnUnbound: the request is not from the browser that started a login with this state.
	returnUnbound = "unbound"
	// returnUnboundNoCookies: the same, and the request had no cookie at all.
	returnUnboundNoCookies = "unbound_no_cookies"
	// returnAppOpenedBrowser: an app's login came back to a browser, because the phone does not hand the
	// redirect URL to the app.
	returnAppOpenedBrowser = "app_opened_browser"
	// returnRepeated: the login had ended before, or its app had presented the code.
	returnRepeated = "repeated"
	// returnPrefetch: a browser loads the URL in advance. Nothing was done.
	returnPrefetch = "prefetch"
	// returnMalformed: the request is not one that itsme sends a browser to.
	returnMalformed = "malformed"
	// returnUnavailable: the store cannot answer, or the gateway has no keys yet.
	returnUnavailable = "unavailable"
)

// ReturnOutcomes returns all that [Return].Outcome can be.
func ReturnOutcomes() []string {
	return []string{
		returnFinished, returnWaiting, returnDenied, returnFailed, returnUnbound, returnUnboundNoCookies,
		returnAppOpenedBrowser, returnRepeated, returnPrefetch, returnMalformed, returnUnavailable,
	}
}

// returned is a return that is being answered.
type returned struct {
	kind      store.Kind
	outcome   string
	sessionID string // of a login whose binding was there, and empty else
	over      bool   // the login ended before this request
}

// boundReturn is one whose binding was there. The caller sets the outcome with as.
func boundReturn(record *store.Record) returned {
	return returned{kind: record.Kind, sessionID: record.ID, over: record.Phase.Ended()}
}

// as returns the return with an outcome; a login that had ended before keeps one outcome.
func (b returned) as(outcome string) returned {
	if b.outcome = outcome; b.over {
		b.outcome = returnRepeated
	}
	return b
}

// unboundReturn is one at the browser's redirect URL without the login's cookie. The record is nil when
// the state is unknown.
func unboundReturn(r *http.Request, record *store.Record) returned {
	back := returned{kind: store.Browser, outcome: returnUnbound}
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

// malformedReturn is one that names no login.
func malformedReturn(kind store.Kind) returned {
	return returned{kind: kind, outcome: returnMalformed}
}

// refusedReturn is one that an endpoint answered with an error.
func refusedReturn(e endpoint, err error) returned {
	back := returned{kind: store.App, outcome: returnMalformed}
	if e.browser {
		back.kind = store.Browser
	}
	if failureOf(err).status == http.StatusServiceUnavailable {
		back.outcome = returnUnavailable
	}
	return back
}

// endedReturn is the outcome of a login that ended without a token.
func endedReturn(err error) string {
	if errors.Is(err, login.ErrDenied) {
		return returnDenied
	}
	return returnFailed
}

// waitingFor is the outcome of a login that cannot go on for now.
func waitingFor(err error) string {
	if errors.Is(err, login.ErrSignicat) {
		return returnWaiting
	}
	return returnUnavailable
}

// cancelledReturn is the outcome of a login that came back without a code.
func cancelledReturn(code string) string {
	switch code {
	case "access_denied":
		return returnDenied
	case "":
		return returnMalformed
	}
	return returnFailed
}

// returnQuery reads what itsme appends to a redirect URL. It is false for what itsme does not send.
func returnQuery(raw string) (query url.Values, ok bool) {
	query, err := url.ParseQuery(raw)
	if err != nil || single(query, callbackParameters) != nil {
		return nil, false
	}
	state := query.Get("state")
	return query, state != "" && len(state) <= maxState && len(query.Get("code")) <= maxCode
}

// appReturned says what came back to an app redirect URL in a browser. Only the state of a login that
// waits for its code counts as a broken app link, so that an attacker who wants to be counted has to start
// logins, which limits bound. A HEAD is a look at the URL, as that of a link preview.
func (b *browserAPI) appReturned(x exchange) returned {
	back := returned{kind: store.App}
	query, ok := returnQuery(x.info.OriginalURL.RawQuery)
	switch {
	case prefetched(x.r) || x.r.Method == http.MethodHead:
		back.outcome = returnPrefetch
		return back
	case !ok || query.Get("code") == "" && query.Get("error") == "":
		return malformedReturn(store.App)
	}
	record, err := b.logins.Find(x.r.Context(), query.Get("state"))
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

// prefetchHeaders are what browsers send with a request for a page that the user may open next. Purpose,
// X-Purpose and X-Moz are older than https://wicg.github.io/nav-speculation/prefetch.html#sec-purpose-header.
var prefetchHeaders = []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"}

// prefetched reports whether a browser loads a page in advance.
func prefetched(r *http.Request) bool {
	return slices.ContainsFunc(prefetchHeaders, func(name string) bool {
		value := strings.ToLower(strings.Join(r.Header[name], ","))
		return strings.Contains(value, "prefetch") || strings.Contains(value, "prerender") || strings.Contains(value, "preview")
	})
}

// writePrefetch refuses a request that loads the browser's redirect URL in advance: it would use the
// code up, and the user's own request would find the login over. A browser drops a 503 and asks again
// when the user opens the page. One that shows it gets a page that asks again by itself.
func (b *browserAPI) writePrefetch(x exchange) {
	x.w.Header().Set("Retry-After", "1")
	b.writeReturn(x, returned{kind: store.Browser, outcome: returnPrefetch}, http.StatusServiceUnavailable,
		page.Page{Name: "unavailable", Language: b.answers.languageOf("", x.r.Header.Get("Accept-Language")), Refresh: 1, Hide: true})
}

// noteReturn counts a request to a redirect URL and writes its line. The line stands in the place of the
// access log's, which would hold the code and state. Attackers can send any number of such requests, so
// that the log leaves lines out when they come too often. The state of a request proves nothing:
// session_id is only that of a login whose binding was there.
func (b *browserAPI) noteReturn(ctx context.Context, back returned) {
	b.config.Observe.Return(Return{Kind: back.kind.String(), Outcome: back.outcome})
	attrs := []slog.Attr{slog.String("kind", back.kind.String()), slog.String("outcome", back.outcome)}
	if back.sessionID != "" {
		attrs = append(attrs, slog.String("session_id", back.sessionID))
	}
	b.log.LogAttrs(ctx, slog.LevelInfo, "redirect URL answered", attrs...)
}
