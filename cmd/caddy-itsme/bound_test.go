package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// faultyGateway is a gateway with one fault. It is an http.RoundTripper in front of a gateway without faults.
type faultyGateway struct {
	// request changes a request before the gateway gets it. A recorder that it returns is the response.
	request func(*http.Request) *httptest.ResponseRecorder
	// seen changes what the service on adultsPath received.
	seen func(*request)
}

func (f *faultyGateway) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.request != nil {
		if answered := f.request(r); answered != nil {
			response := answered.Result()
			response.Request = r
			return response, nil
		}
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if f.seen != nil && r.URL.Path == adultsPath && response.StatusCode == http.StatusOK {
		err = f.changeSeen(response)
	}
	return response, err
}

func (f *faultyGateway) changeSeen(response *http.Response) error {
	defer response.Body.Close()
	var shown request
	if err := json.NewDecoder(response.Body).Decode(&shown); err != nil {
		return err
	}
	f.seen(&shown)
	text, err := json.Marshal(shown)
	response.Body = io.NopCloser(bytes.NewReader(text))
	return err
}

// passes answers a request to the service as a gateway does that checks nothing.
func passes(when func(*http.Request) bool) func(*http.Request) *httptest.ResponseRecorder {
	return func(r *http.Request) *httptest.ResponseRecorder {
		if r.URL.Path != adultsPath || !when(r) {
			return nil
		}
		w := httptest.NewRecorder()
		echo(w, r)
		return w
	}
}

// TestOnceInventsNothing runs the demo against gateways with one fault each. A line with "login":"ok" would
// invent the member that the fault concerns.
func TestOnceInventsNothing(t *testing.T) {
	t.Parallel()
	p := newProgram(t, onFreePorts...)
	gateway := address(t, p.serve(t))
	var rooted string // the token that the first service received
	calls := 0
	for _, row := range []struct {
		name  string
		fault faultyGateway
		want  string
	}{
		{"binds no login", faultyGateway{request: func(r *http.Request) *httptest.ResponseRecorder {
			if r.Method == http.MethodPost {
				r.Header.Del("DPoP")
			}
			return nil
		}}, `as an app with a key: the token is of type "Bearer", not DPoP`},
		{"wants no proof", faultyGateway{request: passes(func(r *http.Request) bool {
			return strings.HasPrefix(r.Header.Get("Authorization"), "DPoP ") && r.Header.Get("DPoP") == ""
		})}, "as an app with a key: a stolen token: GET /adults: the status is 200, not 401"},
		{"takes the bound token as a bearer token", faultyGateway{request: passes(func(r *http.Request) bool {
			return strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ")
		})}, "as an app with a key: a stolen token: GET /adults: the status is 200, not 401"},
		{"takes a proof of any key", faultyGateway{request: passes(func(r *http.Request) bool {
			if r.Header.Get("DPoP") != "" {
				calls++
			}
			return calls == 2 && r.Header.Get("DPoP") != ""
		})}, "as an app with a key: a stolen token: GET /adults: the status is 200, not 401"},
		{"refuses every request with a proof", faultyGateway{request: func(r *http.Request) *httptest.ResponseRecorder {
			if r.URL.Path != adultsPath {
				return nil
			}
			w := httptest.NewRecorder()
			w.WriteHeader(http.StatusUnauthorized)
			return w
		}}, "as an app with a key: GET /adults: the status is 401, not 200"},
		{
			"sends the service no token",
			faultyGateway{seen: func(r *request) { delete(r.Headers, "Authorization") }},
			"as an app with a key: the service's token: the published keys do not verify the token for " + gateway + "/adults",
		},
		{
			"sends the service the token of another",
			faultyGateway{seen: func(r *request) { r.Headers["Authorization"] = rooted }},
			"as an app with a key: the service's token: the published keys do not verify the token for " + gateway + "/adults",
		},
		{
			"sends no age",
			faultyGateway{seen: func(r *request) { delete(r.Headers, ageHeader) }},
			"as an app with a key: the service received no age",
		},
		{
			"sends another age than the token has",
			faultyGateway{seen: func(r *request) { r.Headers[ageHeader] = "false" }},
			"as an app with a key: the service's token has another age than the header",
		},
		{
			"sends the birth date",
			faultyGateway{seen: func(r *request) { r.Headers[birthdateHeader] = "1988-03-14" }},
			"as an app with a key: the service received the birth date",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			if rooted == "" {
				rooted = bearerAtRoot(t, gateway)
			}
			_, err := play(t.Context(), transcript{t.Output(), &row.fault}, gateway)
			if err == nil || err.Error() != row.want {
				t.Errorf("the error is %v, want %s", err, row.want)
			}
		})
	}
	p.interrupt(t)
}

// bearerAtRoot logs in, and returns the Authorization that the first service receives.
func bearerAtRoot(t *testing.T, gateway string) string {
	t.Helper()
	a := newApp(transcript{to: t.Output()}, gateway)
	token, err := a.login(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen, err := a.call(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return seen.Headers["Authorization"]
}

// TestOnceMeasuresTheAge has a minor approve every login.
func TestOnceMeasuresTheAge(t *testing.T) {
	t.Parallel()
	p := newProgram(t, onFreePorts...)
	gateway := address(t, p.serve(t))
	minor := faultyGateway{request: func(r *http.Request) *httptest.ResponseRecorder {
		if r.Method == http.MethodPost && r.URL.Path == "/v2/authorization" {
			form := url.Values{"persona": {"minor"}, "decision": {"approve"}}.Encode()
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(form)), int64(len(form))
		}
		return nil
	}}
	got, err := play(t.Context(), transcript{t.Output(), &minor}, gateway)
	if err != nil || got.Login != "ok" || got.AgeOver18 {
		t.Errorf("%v, login %q, age_over_18 %t; want a login and no adult", err, got.Login, got.AgeOver18)
	}
	p.interrupt(t)
}
