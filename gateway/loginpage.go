package gateway

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"slices"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// browserAPI serves browsers: the login page, the redirect URLs and the logout.
type browserAPI struct{ *Gateway }

// loginParameters are the fields of the login form. The script of the page adds fragment, and resume when the page
// is loaded again.
var loginParameters = []string{"return_to", "language", "acr_values", "max_age", "probe", fragmentParameter, resumeParameter, sessionParameter, page.PromptParameter}

// resumeParameter is the field with the session ID of the login that a page started before it was loaded again.
const resumeParameter = "resume"

// fragmentParameter is the field of a page that keeps the fragment of the URL to return to. It holds no part of it.
const fragmentParameter = "fragment"

// serveLogin shows the login page, or starts the login that its form requests. A GET, such as a prefetch,
// starts no login.
func (b *browserAPI) serveLogin(x exchange) error {
	if x.r.Method != http.MethodPost {
		return b.showLogin(x)
	}
	if !sameOrigin(x.r, b.config.PublicURL) {
		return errCrossSite
	}
	form, err := readForm(x.r, loginParameters...)
	if err != nil {
		return err
	}
	form, err = b.restarted(x, form)
	if err != nil {
		return err
	}
	p, asked, err := b.askedLogin(x, form)
	if err != nil {
		return err
	}
	if form.Get("probe") != "" && len(x.r.Header["Cookie"]) == 0 {
		return b.refuseLogin(x, p, errNoCookies)
	}
	record, cookie := b.startedBefore(x, form.Get(resumeParameter), asked)
	if record != nil {
		b.writeStarted(x, p, record, cookie)
		return nil
	}
	if err := b.startLogin(x, p, asked); err != nil {
		return b.refuseLogin(x, p, err)
	}
	return nil
}

// startedBefore returns the pending login that a reloaded login page started before, and its cookie, if this
// browser sent the cookie and the page asks for the same login. It returns nil for any other.
func (b *browserAPI) startedBefore(x exchange, id string, asked login.StartRequest) (*store.Record, string) {
	if len(id) != sessionIDSize {
		return nil, ""
	}
	cookie, sent := b.cookies.Value(x.r.Header["Cookie"], b.cookies.Login(id))
	if !sent {
		return nil, ""
	}
	record, err := b.logins.FindStarted(x.r.Context(), id, cookie, asked)
	if err != nil {
		return nil, ""
	}
	return record, cookie
}

// askedLogin reads and checks the parameters of a login. It returns them as a page and as a request to the
// engine.
func (b *browserAPI) askedLogin(x exchange, values url.Values) (p page.Page, asked login.StartRequest, err error) {
	if err := checkMaxAge(values.Get("max_age")); err != nil {
		return p, asked, err
	}
	loa, err := readLoA(values.Get("acr_values"))
	if err != nil {
		return p, asked, err
	}
	p = page.Page{
		Name:      "login",
		Language:  b.answers.languageOf(values.Get("language"), x.r),
		ReturnTo:  returnTo(values.Get("return_to"), b.config.Path),
		ACRValues: string(loa),
		MaxAge:    values.Get("max_age"),
	}
	asked = login.StartRequest{
		Kind:        store.Browser,
		Client:      x.info.Client,
		RedirectURL: b.config.RedirectURL,
		ReturnTo:    p.ReturnTo,
		Fragment:    values.Get(fragmentParameter) != "",
		Language:    p.Language,
		LoA:         loa,
	}
	return p, asked, nil
}

// startLogin starts a login and binds it to this browser by a cookie.
func (b *browserAPI) startLogin(x exchange, p page.Page, asked login.StartRequest) error {
	cookie := identity.NewLoginValue(b.config.Now())
	asked.CookieHash = sha256.Sum256([]byte(cookie))
	record, err := b.logins.Start(x.r.Context(), asked)
	if err != nil {
		return err
	}
	if _, sent := b.cookies.Value(x.r.Header["Cookie"], b.cookies.Probe); sent {
		b.cookies.Clear(x.w, b.cookies.Probe)
	}
	b.cookies.MakeRoom(x.w, x.r.Header["Cookie"])
	b.writeStarted(x, p, record, cookie)
	return nil
}

// writeStarted sets the cookie of a started login, and shows the link that opens itsme.
func (b *browserAPI) writeStarted(x exchange, p page.Page, record *store.Record, cookie string) {
	b.cookies.Set(x.w, b.cookies.Login(record.ID), cookie, record.KeepUntil().Sub(b.config.Now()))
	begun := startResponseOf(record, b.config.Now())
	if wantsJSON(x.r) {
		writeJSON(x.w, http.StatusCreated, "application/json", begun)
		return
	}
	p.Name, p.Link, p.SessionID, p.ExpiresIn = "open", record.AuthorizationRequestURL, record.ID, begun.ExpiresIn
	b.answers.writePage(x.w, http.StatusOK, p)
}

// refuseLogin answers a login that could not start. The page keeps the path to which the user wanted to go.
func (b *browserAPI) refuseLogin(x exchange, p page.Page, err error) error {
	if wantsJSON(x.r) || abandoned(x.r, err) {
		return err
	}
	b.config.Observe.Refusal(failureOf(err).problem)
	b.answers.writeFailurePage(x, p, err)
	return nil
}

// showLogin shows the login page, or another page whose name the URL holds.
func (b *browserAPI) showLogin(x exchange) error {
	if prefetched(x.r) {
		writePrefetch(x.w)
		return nil
	}
	query := x.info.OriginalURL.Query()
	if err := refuseRepeated(query, loginParameters); err != nil {
		return err
	}
	p, _, err := b.askedLogin(x, query)
	if err != nil {
		return err
	}
	if b.loggedIn(x, query) {
		redirect(x.w, p.ReturnTo)
		return nil
	}
	if query.Get(page.PromptParameter) == page.PromptLogin {
		p.Prompt = page.PromptLogin
	}
	if name := query.Get(page.Parameter); b.pages.Standalone(name) {
		p.Name, p.Again = name, page.HasButton(name)
		p.Device, _ = page.InApp(x.r.UserAgent())
		if page.Restarts(name) && len(query.Get(sessionParameter)) == sessionIDSize {
			p.Restarts = query.Get(sessionParameter)
		}
	} else if device, inApp := page.InApp(x.r.UserAgent()); inApp && name != page.LoginName {
		p = page.InAppPage(p, device)
	} else if len(x.r.Header["Cookie"]) == 0 {
		p.Probed = true
		b.cookies.Set(x.w, b.cookies.Probe, "1", identity.UntilClosed)
	}
	b.answers.writePage(x.w, http.StatusOK, p)
	return nil
}

// newLoginParameters are parameters of the login page's URL that ask for a new login, or for a page.
var newLoginParameters = []string{"acr_values", "max_age", page.Parameter, page.PromptParameter}

// loggedIn reports whether a browser that opens the login page needs no login: after the back button, in a
// restored tab, or after a login in another tab. Then it goes to its page.
//
// That cannot loop. A site sends a browser with a valid session here only with prompt=login.
func (b *browserAPI) loggedIn(x exchange, query url.Values) bool {
	if x.r.Method != http.MethodGet || !navigates(x.r) {
		return false
	}
	if slices.ContainsFunc(newLoginParameters, query.Has) {
		return false
	}
	c, err := b.guard.Authenticate(x.r.Context(), identity.CredentialHeadersOf(x.r))
	return err == nil && c.Kind == store.Browser
}
