package signicattest

import (
	"bytes"
	"cmp"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

// phoneTemplate is the page for a person who opens an authorization request URL. The form has no action: it is sent to
// the page's own URL, which names the login.
var phoneTemplate = template.Must(template.New("phone").Parse(`<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Simulated phone</title>
<style>body{font:1rem/1.5 sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem}label{display:block}
strong.notice{display:block;padding:.5rem;border:2px solid}button{font:inherit;padding:.5rem 1.5rem}</style>
<body>
<strong class="notice">This is a simulator for tests. It is not itsme, it identifies no person, and it is not made or endorsed by itsme or Signicat.</strong>
{{if .Problem}}<h1>This login cannot go on</h1>
<p id="problem">{{.Problem}}</p>
<p>As with the real app, nothing is sent back: close this page and start again.</p>
{{else}}<h1>Share your data with {{.Host}}?</h1>
<p>Service: <code>{{.Service}}</code></p>
<p>Asked for:</p>
<ul>{{range .Claims}}<li><code>{{.}}</code></li>{{else}}<li>nothing but who you are</li>{{end}}</ul>
<form method="post">
<fieldset><legend>Who holds the phone?</legend>
{{range $i, $p := .Personas}}<label><input type="radio" name="persona" value="{{$p.Key}}"{{if not $i}} checked{{end}}> {{$p.Attributes.name}}: {{$p.Description}}</label>
{{end}}</fieldset>
<p><button name="decision" value="approve">Approve</button> <button name="decision" value="refuse">Refuse</button></p>
</form>
{{end}}</body>
</html>
`))

// phoneView is the data of the page.
type phoneView struct {
	Problem  string
	Host     string
	Service  string
	Claims   []string
	Personas []Persona
}

// servePage shows the itsme app as a page. HEAD does not open the login.
func (s *sessions) servePage(w http.ResponseWriter, r *http.Request) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		showProblem(w, ErrAuthorizationRequest)
		return
	}
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return
	}
	view := phoneView{Personas: s.personas}
	if err := s.show(q, view.describe); err != nil {
		showProblem(w, err)
		return
	}
	showPhone(w, http.StatusOK, view)
}

func (v *phoneView) describe(x *session) {
	if u, err := url.Parse(x.redirectURL); err == nil {
		v.Host = u.Host
	}
	claims, identification := claimsFor(x.request.requestedAttributes)
	v.Service = authenticationService
	if identification {
		v.Service = identificationService
	}
	for _, c := range claims {
		v.Claims = append(v.Claims, strings.TrimPrefix(c, itsmeClaim))
	}
}

// serveForm reads the form: decision is approve or refuse; persona is a key; error, one of [RefusalCodes], and
// error_description are for another refusal than the person's. It redirects as itsme does, or shows an error.
func (s *sessions) serveForm(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequestBody)
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err == nil {
		err = r.ParseForm()
	}
	if err != nil {
		showProblem(w, ErrAuthorizationRequest)
		return
	}
	var redirectURL string
	switch r.PostForm.Get("decision") {
	case "approve":
		redirectURL, err = s.approve(q, r.PostForm.Get("persona"))
	case "refuse":
		redirectURL, err = s.refuse(q, cmp.Or(r.PostForm.Get("error"), accessDenied), r.PostForm.Get("error_description"))
	default:
		err = errors.New("decision must be approve or refuse")
	}
	if err != nil {
		showProblem(w, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Location", redirectURL) // http.Redirect would change the URL
	w.WriteHeader(http.StatusSeeOther)
}

func showProblem(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if errors.Is(err, ErrAnswered) {
		status = http.StatusConflict
	}
	showPhone(w, status, phoneView{Problem: err.Error()})
}

// showPhone writes the page. Its policy allows nothing else; form-action stays open, because browsers apply it to the
// redirect too.
func showPhone(w http.ResponseWriter, status int, v phoneView) {
	var page bytes.Buffer
	if err := phoneTemplate.Execute(&page, v); err != nil {
		http.Error(w, "the page could not be shown", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // the browser may have closed the connection
}
