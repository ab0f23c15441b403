package gateway

import (
	"net/http"
	"slices"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
)

// serveProblem answers /problems/{name} with the explanation of a problem. The name only chooses a page. The
// page never repeats it.
func (g *Gateway) serveProblem(x exchange) error {
	p, ok := page.ProblemNamed(x.rest)
	if !ok {
		return errNotFound
	}
	body, err := p.Render(x.w.Header(), answersOf(p.Name), g.config.Path+"/openapi.yaml")
	if err != nil {
		return err
	}
	noStore(x.w.Header())
	x.w.WriteHeader(http.StatusOK)
	_, _ = x.w.Write(body) // fails when the client hung up
	return nil
}

// answersOf returns the answers that carry a problem.
func answersOf(problem string) (answers []page.Answer) {
	for _, f := range failures {
		answer := page.Answer{Status: f.status, Title: f.title}
		if f.problem == problem && f.hasPage() && !slices.Contains(answers, answer) {
			answers = append(answers, answer)
		}
	}
	return answers
}

// hasPage reports whether clients see a failure as a problem. Other failures appear only at /token, under
// names of OAuth.
func (f failure) hasPage() bool {
	return f.proofError() != "" || f.oauth == "invalid_request" || f.oauth == "temporarily_unavailable"
}
