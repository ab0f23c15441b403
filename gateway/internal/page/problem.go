package page

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"strconv"
)

var (
	//go:embed problem.html
	problemSource string
	//go:embed problem.css
	problemStyle string

	problemLayout = template.Must(template.New("problem").Parse(problemSource))

	// problemPolicy is the Content-Security-Policy of a problem's page. It allows the page's own style and
	// nothing else.
	problemPolicy = "default-src 'none'; style-src '" + sourceHash(problemStyle) + "'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)

// Problem explains a problem to developers, on the page behind its type (RFC 9457 section 3.1.1).
type Problem struct {
	Name   string
	Title  string
	Cause  string
	Remedy string
}

// Answer is a status and title with which a problem occurs.
type Answer struct {
	Status int
	Title  string
}

// Problems returns every problem with a page. The slice is the caller's copy.
func Problems() []Problem { return slices.Clone(problems) }

// ProblemNamed returns the problem with that name.
func ProblemNamed(name string) (p Problem, ok bool) {
	i := slices.IndexFunc(problems, func(p Problem) bool { return p.Name == name })
	if i < 0 {
		return Problem{}, false
	}
	return problems[i], true
}

// Render returns a problem's page as HTML and sets its headers. The page lists the answers with this problem
// and links to the OpenAPI document.
func (p Problem) Render(h http.Header, answers []Answer, openAPI string) ([]byte, error) {
	view := struct {
		Problem
		Answers []Answer
		OpenAPI string
		Style   template.CSS
	}{p, answers, openAPI, template.CSS(problemStyle)}
	var body bytes.Buffer
	if err := problemLayout.Execute(&body, view); err != nil {
		return nil, err
	}
	setHTML(h, problemPolicy, "no-referrer", "en")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	return body.Bytes(), nil
}
