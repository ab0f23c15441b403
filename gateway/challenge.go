package gateway

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/dpop"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// refuse answers a request that the site does not let through. It redirects a browser's navigation to the
// login page. Everything else gets a challenge (RFC 6750 section 3).
func (s *Site) refuse(w http.ResponseWriter, r *http.Request, info RequestInfo, state *identity.RequestState, err error) {
	if abandoned(r, err) {
		w.WriteHeader(statusAbandoned)
		return
	}
	boundBody(w, r)
	if s.showsPages(r, state) {
		switch {
		case errors.Is(err, identity.ErrNoCredential), errors.Is(err, identity.ErrInsufficient):
			s.gateway.config.Observe.Request(Redirected)
			s.sendToLogin(w, info, state.Required, errors.Is(err, identity.ErrInsufficient))
			return
		case errors.Is(err, identity.ErrRequirement):
			s.observeRefusal(err)
			w.Header().Set("Vary", navigationHeaders)
			s.gateway.answers.writePage(w, http.StatusForbidden, page.Page{
				Name:     "not_enough",
				Case:     page.CaseClaim,
				Language: s.gateway.answers.languageOf("", r),
				ReturnTo: returnTo(info.OriginalURL.RequestURI(), s.gateway.config.Path),
			})
			return
		}
	}
	s.observeRefusal(err)
	s.gateway.answers.challenge(w.Header(), r, state.Sent, s.audiences(), err)
	state.WriteNonce(w.Header())
	writeNonce(w.Header(), err)
	if s.submitsForm(r, state) && (errors.Is(err, identity.ErrNoCredential) || errors.Is(err, identity.ErrInsufficient)) {
		s.writeNotSent(w, r, state.Required)
		return
	}
	s.gateway.answers.writeProblem(w, err)
}

// submitsForm reports whether a browser submits a form to a page that it will show.
func (s *Site) submitsForm(r *http.Request, state *identity.RequestState) bool {
	return r.Method == http.MethodPost && navigates(r) && s.canLogin(r, state)
}

// writeNotSent answers a form that a browser submits without a sufficient login. A redirect would lose the form
// without a word. After the login the user returns to the page with the form.
func (s *Site) writeNotSent(w http.ResponseWriter, r *http.Request, asked identity.StepUp) {
	p := page.Page{
		Name: "not_sent", Again: true, ACRValues: string(asked.LoA), ReturnTo: "/",
		Language: s.gateway.answers.languageOf("", r),
	}
	if asked.MaxAge > 0 {
		p.MaxAge = asked.MaxAgeSeconds()
	}
	if form, err := url.Parse(r.Header.Get("Referer")); err == nil && form.Scheme+"://"+form.Host == s.gateway.config.PublicURL {
		p.ReturnTo = returnTo(form.RequestURI(), s.gateway.config.Path)
	}
	w.Header().Set("Vary", navigationHeaders)
	s.gateway.answers.writePage(w, http.StatusUnauthorized, p)
}

func (s *Site) observeRefusal(err error) {
	s.gateway.config.Observe.Request(Refused)
	s.gateway.config.Observe.Refusal(failureOf(err).problem)
}

// sendToLogin redirects a browser to the login page, with the level and age that the sites require. The URL
// is absolute: a relative URL would stay on plain http, where the gateway's cookies do not work. again requires
// a new login of a browser that has a session.
//
// The redirect cannot loop. A login that was asked for a level has it, or ends on a page without a cookie. A
// login that just ended is younger than any max_age.
func (s *Site) sendToLogin(w http.ResponseWriter, info RequestInfo, asked identity.StepUp, again bool) {
	query := url.Values{"return_to": {returnTo(info.OriginalURL.RequestURI(), s.gateway.config.Path)}}
	if asked.LoA != "" {
		query.Set("acr_values", string(asked.LoA))
	}
	if asked.MaxAge > 0 {
		query.Set("max_age", asked.MaxAgeSeconds())
	}
	if again {
		query.Set(page.PromptParameter, page.PromptLogin)
	}
	noStore(w.Header())
	w.Header().Set("Vary", navigationHeaders)
	w.Header().Set("Location", s.gateway.config.endpointURL("/login?")+query.Encode())
	w.WriteHeader(http.StatusSeeOther)
}

// navigationHeaders lists the headers by which [navigates] recognises a browser's navigation.
const navigationHeaders = "Sec-Fetch-Mode, Sec-Fetch-Dest, Accept, X-Requested-With"

// challenge sets WWW-Authenticate. It names an error only where the client sent a credential. A client that
// named itself wrongly gets a challenge where it used HTTP Basic (RFC 6749 section 5.2). It names the document of the
// audience that is on the request's host.
func (a *answers) challenge(h http.Header, r *http.Request, sent identity.CredentialHeaders, audiences []string, err error) {
	if failureOf(err).status != http.StatusUnauthorized {
		return
	}
	if errors.Is(err, errClient) {
		if usesBasic(r) {
			h.Set("WWW-Authenticate", `Basic realm="`+a.config.endpointURL("")+`", charset="UTF-8"`)
		}
		return
	}
	var where []string
	if resource, ok := a.config.resourceOf(hostOf(r), audiences); ok {
		where = []string{`resource_metadata="` + resource.metadata + `"`}
	}
	h["Www-Authenticate"] = a.config.challenges(sent, wrongWith(err), where)
}

// wrongWith returns the parameters of a challenge that say what is wrong with the client's credential.
func wrongWith(err error) (params []string) {
	f := failureOf(err)
	stepUp, insufficient := errors.AsType[*identity.StepUp](err)
	switch {
	case insufficient:
		return stepUp.Challenge()
	case errors.Is(err, identity.ErrToken):
		params = append(params, `error="invalid_token"`, `error_description="The access token is not valid"`)
	case f.proofError() != "":
		params = append(params, `error="`+f.oauth+`"`, `error_description="`+f.title+`"`)
	}
	return params
}

// challenges returns a challenge for the scheme that the client used, with what is wrong. Without one there is a challenge
// for each scheme that the gateway accepts, the first with what is wrong.
func (c Config) challenges(sent identity.CredentialHeaders, wrong, where []string) (lines []string) {
	bearer := !sent.UsesDPoP() && c.Token.DPoP != DPoPRequired
	if bearer {
		lines = append(lines, strings.TrimSpace("Bearer "+strings.Join(slices.Concat(wrong, where), ", ")))
		wrong = nil
	}
	if !bearer || !sent.UsesBearer() {
		lines = append(lines, "DPoP "+strings.Join(slices.Concat(wrong, []string{`algs="` + dpop.Algorithm + `"`}, where), ", "))
	}
	return lines
}

// TokenAudience returns the audiences of the token that the site's upstream receives, or nil when it receives none.
func (s *Site) TokenAudience() []string {
	if s.config.ForwardToken == ForwardOff {
		return nil
	}
	return s.audiences()
}

// audiences returns the audiences of the site's token.
func (s *Site) audiences() []string {
	if s.config.Audience != "" {
		return []string{s.config.Audience}
	}
	return s.gateway.config.Token.Audience
}

// showsPages reports whether the client is a browser that can show a page, and whether a login would help.
// Beside a bearer token a cookie does not count. The login's cookies work on public_url's host alone.
func (s *Site) showsPages(r *http.Request, state *identity.RequestState) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	return s.canLogin(r, state) && (s.config.Mode == ModeBrowser || navigates(r))
}

// canLogin reports whether a login in a browser would help.
func (s *Site) canLogin(r *http.Request, state *identity.RequestState) bool {
	if state.Credential != nil && state.Credential.Kind == store.App {
		return false
	}
	return s.config.Mode != ModeAPI && hostOf(r) == s.gateway.public.Host
}

// navigates reports whether a browser loads a page to show it.
func navigates(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	if mode != "" || dest != "" {
		return mode == "navigate" && dest == "document"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html") && r.Header.Get("X-Requested-With") == ""
}
