package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	engine "github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
	"github.com/caddy-itsme/caddy-itsme/pending"
)

// callbackParameters are what itsme appends to the redirect URL.
var callbackParameters = []string{"code", "state", "error", "error_description"}

// serveCallback is the browser's redirect URL. Without the login's cookie nothing is done with the query:
// an attacker may have sent the browser here, with a login of the attacker's own.
func (g *Gateway) serveCallback(x exchange) error {
	query, err := url.ParseQuery(x.info.OriginalURL.RawQuery)
	if err != nil || single(query, callbackParameters) != nil {
		g.writeUnbound(x)
		return nil
	}
	state := query.Get("state")
	if state == "" || len(state) > maxState || len(query.Get("code")) > maxCode {
		g.writeUnbound(x)
		return nil
	}
	record, err := g.logins.Find(x.r.Context(), state)
	if errors.Is(err, engine.ErrGrant) {
		g.writeUnbound(x)
		return nil
	}
	if err != nil {
		return err
	}
	name := g.cookies.Login(record.ID)
	cookie, _ := g.cookies.Value(x.r.Header["Cookie"], name)
	if !engine.BoundToCookie(record, cookie) {
		g.writeUnbound(x)
		return nil
	}
	return g.finishBrowser(x, record, query, name)
}

// finishBrowser ends a login in the browser that started it.
func (g *Gateway) finishBrowser(x exchange, record *pending.Record, query url.Values, cookie string) error {
	if code := query.Get("error"); code != "" || query.Get("code") == "" {
		return g.cancelBrowser(x, record, code, cookie)
	}
	finished, err := g.logins.Finish(x.r.Context(), record, engine.Return{State: query.Get("state"), Code: query.Get("code")})
	switch {
	case errors.Is(err, engine.ErrUnfinished):
		g.writeReturn(x, record, http.StatusOK, page.Page{Name: "waiting", Language: record.Language, Refresh: seconds(Interval)})
		return nil
	case failureOf(err).status == http.StatusServiceUnavailable && err != nil:
		// The code is still valid, and the page loads again with it by itself.
		failureOf(err).writeRetryAfter(x.w.Header(), err)
		g.writeReturn(x, record, http.StatusServiceUnavailable, page.Page{Name: "unavailable", Language: record.Language, Refresh: seconds(defaultRetry)})
		return nil
	case err != nil:
		g.cookies.Clear(x.w, cookie)
		g.writeEnd(x, record, err)
		return nil
	}
	g.cookies.Clear(x.w, cookie)
	g.cookies.Set(x.w, g.cookies.Session, finished.Token, finished.TokenExpiresAt.Sub(g.now()))
	g.logReturn(x.r.Context(), finished.Phase.String(), finished.ID)
	redirect(x.w, finished.ReturnTo)
	return nil
}

// cancelBrowser ends a login that came back with an error instead of a code.
func (g *Gateway) cancelBrowser(x exchange, record *pending.Record, code, cookie string) error {
	if !engine.ValidRedirectError(code) {
		code = "invalid_request"
	}
	if err := g.logins.Cancel(x.r.Context(), record, code); err != nil && !errors.Is(err, engine.ErrConflict) {
		return err
	}
	g.cookies.Clear(x.w, cookie)
	name := "failed"
	if code == "access_denied" {
		name = "denied"
	}
	g.writeReturn(x, record, http.StatusOK, page.Page{Name: name, Language: record.Language, ReturnTo: record.ReturnTo, ACRValues: record.LoA, Again: true})
	return nil
}

// writeReturn answers a request to a redirect URL with a page, and logs it. The record is nil for a request
// that is bound to no login.
func (g *Gateway) writeReturn(x exchange, record *pending.Record, status int, p page.Page) {
	var sessionID string
	if record != nil {
		sessionID = record.ID
	}
	g.logReturn(x.r.Context(), p.Name, sessionID)
	g.writePage(x.w, status, p)
}

// writeEnd shows how a login ended that issued nothing.
func (g *Gateway) writeEnd(x exchange, record *pending.Record, err error) {
	p := page.Page{Language: record.Language, ReturnTo: record.ReturnTo, ACRValues: record.LoA, Again: true}
	switch {
	case errors.Is(err, engine.ErrDenied):
		p.Name = "denied"
	case errors.Is(err, engine.ErrExpired):
		p.Name = "expired"
	case errors.Is(err, engine.ErrLevel):
		p.Name, p.Case = "not_enough", page.CaseLevel
	case errors.Is(err, engine.ErrTokenSize):
		p.Name, p.Again = "too_large", false
	default:
		p.Name = "failed"
	}
	g.writeReturn(x, record, http.StatusBadRequest, p)
}

// writeUnbound answers a return that this browser did not start. It says nothing about the login
// and carries nothing of the query.
//
// A browser that refuses cookies ends here each time. Its page says so, and not that the user should try
// again.
func (g *Gateway) writeUnbound(x exchange) {
	p := page.Page{
		Name:     "unbound",
		Language: g.languageOf("", x.r.Header.Get("Accept-Language")),
		Again:    true,
		Hide:     true,
	}
	if len(x.r.Header["Cookie"]) == 0 {
		p.Case = page.CaseNoCookies
	}
	g.writeReturn(x, nil, http.StatusBadRequest, p)
}

// logReturn writes the line of a request to a redirect URL. The line of the access log is left out: it
// would hold the code and state. The level is debug: any client can send any number of such requests, and
// the end of a login has a line of its own. session_id is empty unless the login's binding was there.
func (g *Gateway) logReturn(ctx context.Context, outcome, sessionID string) {
	attrs := []slog.Attr{slog.String("outcome", outcome)}
	if sessionID != "" {
		attrs = append(attrs, slog.String("session_id", sessionID))
	}
	g.log.LogAttrs(ctx, slog.LevelDebug, "redirect URL answered", attrs...)
}
