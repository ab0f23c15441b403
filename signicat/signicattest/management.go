package signicattest

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
)

// ManagementRoute describes one route of [Server.Management].
type ManagementRoute struct {
	Pattern string `json:"pattern"` // method and path, as http.ServeMux reads them
	Doc     string `json:"doc"`     // a line for the list of routes

	serve func(*Server, *http.Request) (any, error)
}

// ManagementRoutes returns the routes of [Server.Management].
func ManagementRoutes() []ManagementRoute {
	return []ManagementRoute{
		{"GET /{$}", "the simulator's URL, seed and account, and this list", manageAbout},
		{"GET /personas", "the simulated persons", func(s *Server, _ *http.Request) (any, error) { return s.Personas(), nil }},
		{"GET /sessions", "the sessions, the oldest first", func(s *Server, _ *http.Request) (any, error) { return s.Sessions(), nil }},
		{"GET /sessions/{id}", "one session", func(s *Server, r *http.Request) (any, error) { return s.Session(r.PathValue("id")) }},
		{"POST /sessions/{id}/approve", `the person approves: {"persona":"adult"}; answers {"redirect_url"}`, managed(manageApprove)},
		{"POST /sessions/{id}/refuse", `the person refuses: {} or {"error":"login_required","error_description":"…"}; answers {"redirect_url"}`, managed(manageRefuse)},
		{"POST /sessions/{id}/abort", "ends it in ABORT", manageEnd((*Server).Abort)},
		{"POST /sessions/{id}/cancel", "ends it in CANCELLED", manageEnd((*Server).Cancel)},
		{"POST /sessions/{id}/expire", "ends it in EXPIRED", manageEnd((*Server).Expire)},
		{"POST /sessions/{id}/invalidate", "ends it in INVALID", manageEnd((*Server).Invalidate)},
		{"POST /sessions/{id}/fail", `ends it in ERROR: {"type","title","detail","code"}`, managed(func(s *Server, id string, e SessionError) (any, error) { return nil, s.Fail(id, e) })},
		{"POST /sessions/{id}/override", `changes its answers: {"session":{},"subject":{},"idpData":{}}, null removes`, managed(func(s *Server, id string, o Override) (any, error) { return nil, s.OverrideSession(id, o) })},
		{"POST /overrides/create", "changes the answer of the next session that is created, in the same form", managed(manageOverride((*Server).OverrideNextCreate))},
		{"POST /overrides/success", "changes the SUCCESS of the next login, in the same form", managed(manageOverride((*Server).OverrideNextSuccess))},
		{"GET /calls", "the last 10,000 calls of the API, the oldest first", func(s *Server, _ *http.Request) (any, error) { return s.Calls(), nil }},
		{"GET /counts", "how many calls each operation had", func(s *Server, _ *http.Request) (any, error) { return s.Counts(), nil }},
		{"POST /faults", `scripts faults: [{"operation","call","times","after","delay_ms","status","retry_after","redirect","body","cut"}]`, managed(manageFaults)},
		{"DELETE /faults", "drops the faults that are still to come", manageDo((*Server).ClearScript)},
		{"GET /switches", "the switches, their forms and the form in use", manageSwitches},
		{"PATCH /switches", `changes switches: {"validation-status":"204"}`, managed(manageSetSwitches)},
		{"POST /access-tokens/revoke", "refuses every access token that was issued so far", manageDo((*Server).RevokeAccessTokens)},
		{"POST /reset", "forgets sessions, access tokens, calls, faults and overrides", manageDo((*Server).Reset)},
	}
}

// Management serves the JSON API of [ManagementRoutes], for test programs in other languages. It has no authentication
// and belongs on a loopback listener of its own. Through a browser, pages of other origins cannot change anything,
// except those whose host name an attacker points at this machine (DNS rebinding).
func (s *Server) Management() http.Handler {
	mux := http.NewServeMux()
	for _, route := range ManagementRoutes() {
		mux.HandleFunc(route.Pattern, func(w http.ResponseWriter, r *http.Request) {
			v, err := route.serve(s, r)
			answerManagement(w, v, err)
		})
	}
	return http.NewCrossOriginProtection().Handler(mux)
}

func answerManagement(w http.ResponseWriter, v any, err error) {
	status := http.StatusOK
	switch {
	case errors.Is(err, ErrSession):
		status = http.StatusNotFound
	case errors.Is(err, ErrEnded), errors.Is(err, ErrAnswered):
		status = http.StatusConflict
	case err != nil:
		status = http.StatusBadRequest
	case v == nil:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if err != nil {
		v = map[string]string{"error": err.Error()}
	}
	jsonAnswer(status, "application/json", v).write(w)
}

// managed reads the body of a route strictly. No body is the zero value. id is empty where the route has none.
func managed[T any](do func(s *Server, id string, body T) (any, error)) func(*Server, *http.Request) (any, error) {
	return func(s *Server, r *http.Request) (any, error) {
		var body T
		d := json.NewDecoder(io.LimitReader(r.Body, maxRequestBody))
		d.DisallowUnknownFields()
		if err := d.Decode(&body); err != nil && !errors.Is(err, io.EOF) || d.More() {
			return nil, errors.New("the body is not the JSON of this route: GET / lists the routes")
		}
		return do(s, r.PathValue("id"), body)
	}
}

func manageDo(do func(*Server)) func(*Server, *http.Request) (any, error) {
	return func(s *Server, _ *http.Request) (any, error) {
		do(s)
		return nil, nil
	}
}

func manageEnd(end func(*Server, string) error) func(*Server, *http.Request) (any, error) {
	return func(s *Server, r *http.Request) (any, error) { return nil, end(s, r.PathValue("id")) }
}

func manageOverride(set func(*Server, Override)) func(*Server, string, Override) (any, error) {
	return func(s *Server, _ string, o Override) (any, error) {
		set(s, o)
		return nil, nil
	}
}

func manageAbout(s *Server, _ *http.Request) (any, error) {
	return struct {
		URL       string            `json:"url"`
		Seed      uint64            `json:"seed"`
		AccountID string            `json:"account_id"`
		Routes    []ManagementRoute `json:"routes"`
	}{s.URL, s.Seed(), s.cfg.AccountID, ManagementRoutes()}, nil
}

type redirected struct {
	RedirectURL string `json:"redirect_url"`
}

type approval struct {
	Persona string `json:"persona"`
}

func manageApprove(s *Server, id string, body approval) (any, error) {
	info, err := s.Session(id)
	if err != nil {
		return nil, err
	}
	u, err := s.Approve(info.AuthorizationRequestURL, body.Persona)
	return redirected{u}, err
}

type refusal struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func manageRefuse(s *Server, id string, body refusal) (any, error) {
	info, err := s.Session(id)
	if err != nil {
		return nil, err
	}
	u, err := s.RefuseWith(info.AuthorizationRequestURL, cmp.Or(body.Error, accessDenied), body.Description)
	return redirected{u}, err
}

// faultJSON is a [Fault] in the management API.
type faultJSON struct {
	Fault
	DelayMilliseconds int `json:"delay_ms"`
}

func manageFaults(s *Server, _ string, body []faultJSON) (any, error) {
	var faults []Fault
	for _, f := range body {
		f.Delay = time.Duration(f.DelayMilliseconds) * time.Millisecond
		faults = append(faults, f.Fault)
	}
	return nil, s.Script(faults...)
}

func manageSwitches(s *Server, _ *http.Request) (any, error) {
	type row struct {
		Switch
		Form string `json:"form"`
	}
	var rows []row
	sw := s.Switches()
	for _, w := range AllSwitches() {
		rows = append(rows, row{w, w.Form(sw)})
	}
	return rows, nil
}

func manageSetSwitches(s *Server, _ string, forms map[string]string) (any, error) {
	sw := s.Switches()
	for name, form := range forms {
		if err := sw.Set(name, form); err != nil {
			return nil, err
		}
	}
	return nil, s.SetSwitches(sw)
}
