package page

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
)

// policy returns the page's Content-Security-Policy. It allows the page's own style and script, by their
// hashes, the logo, by its URL, and connections to this origin for the script of a login.
func (p *Pages) policy(shown Page) string {
	policy := "default-src 'none'; style-src '" + sourceHash(p.style) + "'"
	if script := scriptOf(shown); script != "" {
		policy += "; script-src '" + sourceHash(script) + "'"
	}
	if shown.scripted() {
		policy += "; connect-src 'self'"
	}
	if p.logo != "" {
		policy += "; img-src " + p.logo
	}
	return policy + "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

func sourceHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// setHeader sets the headers of a page.
func (p *Pages) setHeader(h http.Header, shown Page) {
	setHTML(h, p.policy(shown), referrerPolicy(shown.Name), shown.Language)
}

// setHTML sets the headers of an HTML page.
func setHTML(h http.Header, policy, referrer, language string) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", referrer)
	h.Set("Content-Language", language)
}

// referrerPolicy hides the URL of every page. The form of the login page needs an Origin, which browsers
// replace by null under no-referrer (Fetch, "append a request Origin header").
func referrerPolicy(name string) string {
	if name == "login" {
		return "same-origin"
	}
	return "no-referrer"
}
