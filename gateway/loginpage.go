package gateway

import (
	"crypto/sha256"
	"net/http"
	"net/url"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	engine "github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
	"github.com/caddy-itsme/caddy-itsme/pending"
)

// loginParameters are what the login form posts.
var loginParameters = []string{"return_to", "language", "acr_values", "max_age", "probe"}

// serveLogin shows the page with the button, or starts the login that its form asks for. A mere
// GET, such as a prefetch, starts nothing.
func (g *Gateway) serveLogin(x exchange) error {
	if x.r.Method != http.MethodPost {
		return g.showLogin(x)
	}
	if !sameOrigin(x.r, g.config.PublicURL) {
		return errCrossSite
	}
	form, err := readForm(x.r, loginParameters...)
	if err != nil {
		return err
	}
	p, asked, err := g.askedLogin(x, form)
	if err != nil {
		return err
	}
	if form.Get("probe") != "" && len(x.r.Header["Cookie"]) == 0 {
		return g.refuseLogin(x, p, errNoCookies)
	}
	if err := g.startLogin(x, p, asked); err != nil {
		return g.refuseLogin(x, p, err)
	}
	return nil
}

// askedLogin reads what is asked of a login, as the page that asks for it.
func (g *Gateway) askedLogin(x exchange, values url.Values) (page.Page, engine.Request, error) {
	asked := wish{language: values.Get("language"), acrValues: values.Get("acr_values"), maxAge: values.Get("max_age")}
	if err := asked.check(); err != nil {
		return page.Page{}, engine.Request{}, err
	}
	loa, err := asked.loa()
	if err != nil {
		return page.Page{}, engine.Request{}, err
	}
	p := page.Page{
		Name:      "login",
		Language:  g.languageOf(asked.language, x.r.Header.Get("Accept-Language")),
		ReturnTo:  g.returnTo(values.Get("return_to")),
		ACRValues: string(loa),
		MaxAge:    asked.maxAge,
	}
	return p, engine.Request{
		Kind:        pending.Browser,
		Client:      x.info.Client,
		RedirectURL: g.config.RedirectURL,
		ReturnTo:    p.ReturnTo,
		Language:    p.Language,
		LoA:         loa,
	}, nil
}

// startLogin starts a login that is bound to this browser by a cookie, and shows its link.
func (g *Gateway) startLogin(x exchange, p page.Page, asked engine.Request) error {
	cookie := identity.NewLoginValue(g.now())
	asked.CookieHash = sha256.Sum256([]byte(cookie))
	record, err := g.logins.Start(x.r.Context(), asked)
	if err != nil {
		return err
	}
	if _, sent := g.cookies.Value(x.r.Header["Cookie"], g.cookies.Probe); sent {
		g.cookies.Clear(x.w, g.cookies.Probe)
	}
	g.cookies.MakeRoom(x.w, x.r.Header["Cookie"])
	g.cookies.Set(x.w, g.cookies.Login(record.ID), cookie, record.ExpiresAt.Sub(g.now()))
	begun := g.startedOf(record)
	if wantsJSON(x.r) {
		writeJSON(x.w, http.StatusCreated, "application/json", begun)
		return nil
	}
	p.Name, p.Link, p.SessionID, p.ExpiresIn = "open", record.AuthorizationRequestURL, record.ID, begun.ExpiresIn
	g.writePage(x.w, http.StatusOK, p)
	return nil
}

// refuseLogin keeps what the person came for on the page that says why no login began.
func (g *Gateway) refuseLogin(x exchange, p page.Page, err error) error {
	if wantsJSON(x.r) || abandoned(x.r, err) {
		return err
	}
	g.observe.Refusal(failureOf(err).problem)
	g.writeFailurePage(x, p, err)
	return nil
}

func (g *Gateway) showLogin(x exchange) error {
	query := x.info.OriginalURL.Query()
	if err := single(query, loginParameters); err != nil {
		return err
	}
	p, _, err := g.askedLogin(x, query)
	if err != nil {
		return err
	}
	if name := query.Get(page.Parameter); g.pages.Standalone(name) {
		p.Name, p.Again = name, page.HasButton(name)
	} else if len(x.r.Header["Cookie"]) == 0 {
		p.Probed = true
		g.cookies.Set(x.w, g.cookies.Probe, "1", identity.UntilClosed)
	}
	g.writePage(x.w, http.StatusOK, p)
	return nil
}
