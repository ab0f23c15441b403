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

	// problemPolicy allows the page's own style and nothing else.
	problemPolicy = "default-src 'none'; style-src '" + sourceHash(problemStyle) + "'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)

// Problem is what developers read behind the type of a problem (RFC 9457 section 3.1.1).
type Problem struct {
	Name   string
	Title  string
	Cause  string
	Remedy string
}

// Answer is an answer whose type leads to a problem's page.
type Answer struct {
	Status int
	Title  string
}

// Problems returns every problem that has a page, as the caller's own copy.
func Problems() []Problem { return slices.Clone(problems) }

// ProblemNamed returns the problem of that name.
func ProblemNamed(name string) (p Problem, ok bool) {
	i := slices.IndexFunc(problems, func(p Problem) bool { return p.Name == name })
	if i < 0 {
		return Problem{}, false
	}
	return problems[i], true
}

// Render returns a problem's page as HTML, with the answers that lead to it and the URL of the OpenAPI
// document, and sets the header that belongs to it.
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
