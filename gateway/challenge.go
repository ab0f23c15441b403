package gateway

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// refuse answers a request that is not let through: a browser's navigation is sent to the login
// page, everything else is told what is missing (RFC 6750 section 3).
func (s *Site) refuse(w http.ResponseWriter, r *http.Request, info Request, err error) {
	if errors.Is(err, errNoCredential) && s.sendsToLogin(r) {
		g := s.gateway
		noStore(w.Header())
		w.Header().Set("Vary", "Sec-Fetch-Mode, Sec-Fetch-Dest, Accept, X-Requested-With")
		w.Header().Set("Location", g.config.Path+"/login?return_to="+url.QueryEscape(g.returnTo(info.OriginalURL.RequestURI())))
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	s.gateway.challenge(w, r, err)
	s.gateway.writeProblem(w, err)
}

// challenge names the scheme, and the error only where a credential was sent.
func (g *Gateway) challenge(w http.ResponseWriter, r *http.Request, err error) {
	if failureOf(err).status != http.StatusUnauthorized {
		return
	}
	var params []string
	if errors.Is(err, errToken) {
		params = append(params, `error="invalid_token"`, `error_description="The access token is not valid"`)
	}
	if resource, ok := g.resourceOf(hostOf(r)); ok {
		params = append(params, `resource_metadata="`+resource.metadata+`"`)
	}
	w.Header().Set("WWW-Authenticate", strings.TrimSpace("Bearer "+strings.Join(params, ", ")))
}

// sendsToLogin reports whether the person is in front of a browser that can show a page. The
// login's cookies work on public_url's host alone.
func (s *Site) sendsToLogin(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if s.config.Mode == ModeAPI || hostOf(r) != s.gateway.public.Host {
		return false
	}
	return s.config.Mode == ModeBrowser || navigates(r)
}

// navigates reports whether a browser asks for a page to show.
func navigates(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	if mode != "" || dest != "" {
		return mode == "navigate" && dest == "document"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html") && r.Header.Get("X-Requested-With") == ""
}

// hostOf is the host that a request is for, as it stands in a URL of its scheme: lower case, and
// without the port that the scheme has anyway. It is compared with configured hosts and never
// written anywhere.
func hostOf(r *http.Request) string { return plainRequestHost(r.Host) }

func plainRequestHost(host string) string {
	host = strings.ToLower(host)
	return strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":80")
}
