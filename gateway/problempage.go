package gateway

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"strconv"
)

//go:embed page/problem.html
var problemLayout string

//go:embed page/problem.css
var problemStyle string

// problemPolicy allows the page's own style and nothing else.
var problemPolicy = "default-src 'none'; style-src '" + sourceHash(problemStyle) + "'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

var problemTemplate = template.Must(template.New("problem").Parse(problemLayout))

// problemType is what developers read behind the type of a problem (RFC 9457 section 3.1.1).
type problemType struct {
	Name   string
	Title  string
	Cause  string
	Remedy string
}

// problemTypes are the pages of every problem that failures names.
var problemTypes = []problemType{
	{
		problemAuthentication, "A login is required",
		"The request carried no access token and no login cookie, or a cookie that had expired.",
		"An app sends its access token as Authorization: Bearer, and logs the person in if it has none. A browser is sent to the login page by itself when it asks for a page on the host of public_url; a script there asks the person to log in again.",
	},
	{
		problemToken, "The access token is not valid",
		"The token has expired, was revoked or logged out, was made for another gateway or audience, or is no token of this gateway at all. Which one is not told.",
		"Exchange the refresh token if there is one, or log the person in again. Should new tokens be refused as well, compare their iss and aud with the gateway's, and look at the clocks.",
	},
	{
		problemInsufficient, "A better or newer login is required",
		"The login is good, but its level of assurance is too low for this request, or it is too long ago.",
		"Log the person in again with the acr_values and max_age that stand in WWW-Authenticate (RFC 9470), and repeat the request with the new token. If that one is refused as well, the person cannot reach the level: tell them, and do not try again.",
	},
	{
		problemRequirement, "The person may not come in here",
		"The login is good, but the person does not meet a requirement of the service, such as an age.",
		"Tell the person. Logging in again changes nothing. The member detail names the requirement.",
	},
	{
		problemRequest, "The request cannot be served as it is",
		"Something about the request is wrong: its path, method, media type, size, a parameter, or the moment. The status and the member detail say which.",
		"Mend the client. The same request gets the same answer.",
	},
	{
		problemSession, "There is no such session",
		"The login never existed, ended more than five minutes ago, or was started by somebody else: the code_verifier or the login cookie is another one.",
		"Forget the session_id and start over. If it happens right after a start, the app mixes up two logins: keep each session_id beside its own code_verifier.",
	},
	{
		problemRate, "Too many logins were started",
		"Too many logins were started from one network address in a short time, or too many are under way.",
		"Wait for the seconds in Retry-After, and start only when the person asks for it. Where it hits everybody, the gateway stands behind a proxy that it does not know: its operator sets trusted_proxies.",
	},
	{
		problemCrossSite, "The request comes from another site",
		"A cookie came with the request, but the browser says that the page which sent it is not one of public_url's origin. Nothing was done.",
		"Send the request from the site itself. Another site, or an app, uses a bearer token instead of the cookie.",
	},
	{
		problemSignicat, "Signicat is unavailable",
		"Signicat, which reaches itsme for the gateway, is away, slow, or answered what cannot be trusted. Whoever is logged in stays logged in.",
		"Send the same request again after the seconds in Retry-After. A code that came back is good for three minutes. If it lasts, the gateway's log says why.",
	},
	{
		problemStore, "The session store is unavailable",
		"The gateway cannot reach the store of its sessions, and lets nobody in while it cannot.",
		"Send the same request again after the seconds in Retry-After. If it lasts, the gateway's log says why.",
	},
	{
		problemStarting, "The gateway is starting",
		"The gateway has no signing keys yet. It has them a moment after its start.",
		"Send the same request again after a second. If it lasts, the gateway cannot write its storage; its log says so.",
	},
	{
		problemEarly, "The request came in early data",
		"The request came in TLS 1.3 early data, which anybody on the way can send once more, and it changes something.",
		"Send it again when the handshake is complete. Most clients do so by themselves (RFC 8470).",
	},
}

// problemView is a problem's page with the answers that bring people to it.
type problemView struct {
	problemType
	Answers []problemAnswer
	OpenAPI string
	Style   template.CSS
}

type problemAnswer struct {
	Status int
	Title  string
}

// toldAsProblem reports whether a failure is more than an error of /token alone, which are those
// that OAuth has names of their own for.
func (f failure) toldAsProblem() bool {
	return f.oauth == "invalid_request" || f.oauth == "temporarily_unavailable"
}

// serveProblem explains a problem. What is asked for only chooses among the pages and is never
// repeated.
func (g *Gateway) serveProblem(x exchange) error {
	i := slices.IndexFunc(problemTypes, func(p problemType) bool { return p.Name == x.rest })
	if i < 0 {
		return errNotFound
	}
	view := problemView{problemType: problemTypes[i], OpenAPI: g.config.Path + "/openapi.yaml", Style: template.CSS(problemStyle)}
	for _, f := range failures {
		if f.problem == x.rest && f.toldAsProblem() {
			view.Answers = append(view.Answers, problemAnswer{f.status, f.title})
		}
	}
	var body bytes.Buffer
	if err := problemTemplate.Execute(&body, view); err != nil {
		return err
	}
	h := x.w.Header()
	noStore(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", problemPolicy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Language", "en")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	x.w.WriteHeader(http.StatusOK)
	_, _ = x.w.Write(body.Bytes()) // the client hung up: there is nobody to tell
	return nil
}
