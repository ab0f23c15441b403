package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOnce reads standard output as a script does: the last line has the whole result.
func TestOnce(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "demo", "--once")
	if status := p.finish(t); status != 0 {
		t.Fatalf("status %d\n%s%s", status, p.stdout.String(), p.stderr.String())
	}
	transcript, line := lastLine(t, p.stdout.String())
	decoder := json.NewDecoder(strings.NewReader(line))
	decoder.DisallowUnknownFields()
	var got outcome
	if err := decoder.Decode(&got); err != nil {
		t.Fatalf("the last line is %q: %v", line, err)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9-]{43}=$`).MatchString(got.Sub) {
		t.Errorf("sub is %q", got.Sub)
	}
	headers := got.UpstreamHeaders
	if !regexp.MustCompile(`^\d{10}$`).MatchString(headers["X-Itsme-Auth-Time"]) {
		t.Errorf("X-Itsme-Auth-Time is %q", headers["X-Itsme-Auth-Time"])
	}
	want := outcome{
		Login: "ok", Sub: got.Sub, ACR: "high", VerifiedByJWKS: true, Unauthenticated: 401,
		UpstreamHeaders: map[string]string{
			"Authorization":          "Bearer eyJhbGci…",
			"X-Itsme-Acr":            "high",
			"X-Itsme-Auth-Time":      headers["X-Itsme-Auth-Time"],
			"X-Itsme-Birthdate":      "1988-03-14",
			"X-Itsme-Email":          "adult@example.be",
			"X-Itsme-Email-Verified": "false",
			"X-Itsme-Family-Name":    "Peeters",
			"X-Itsme-Given-Name":     "Lien",
			"X-Itsme-Name":           "Lien Peeters",
			"X-Itsme-Subject":        got.Sub,
		},
		DPoP: true, SiteAudience: gatewayOf(t, transcript) + "/adults", Encrypted: true, AgeOver18: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the last line differs (-want +got):\n%s", diff)
	}
	checkTranscript(t, transcript)
	if logs := p.stderr.String(); strings.Count(logs, "login ended") != 3 {
		t.Errorf("the log does not have three logins:\n%s", logs)
	}
	p.leftNothing(t)
}

// checkTranscript checks that a transcript has every kind of request, and no secret.
func checkTranscript(t *testing.T, transcript string) {
	t.Helper()
	for _, want := range []string{
		"/itsme/sessions\n", "/itsme/token\n", "/.well-known/jwks.json\n", "/itsme/login\n", "/itsme/callback?code=",
		"< 401 Unauthorized\n", "< 201 Created\n", "> Authorization: Bearer eyJhbGci…\n", "> code=", "(a page: Hello, Lien Peeters)",
		"> Authorization: DPoP eyJhbGci…\n> Dpop: eyJhbGci…\n", "X-Itsme-Age-Over-18: true, and no birth date.\n",
		"The cookie is encrypted (JWE): five parts, and no claim of the user in any of them. The first part, decoded:\n{\"alg\":\"A256KW\",\"cty\":\"",
	} {
		if !strings.Contains(transcript, want) {
			t.Errorf("no %q in the transcript", want)
		}
	}
	// Codes have 36 characters, and other secrets have more.
	if leaked := regexp.MustCompile(`[A-Za-z0-9_-]{36,}`).FindString(transcript); leaked != "" {
		t.Errorf("the transcript shows %q", leaked)
	}
}

// gatewayOf returns the URL of the first request, which is to the gateway.
func gatewayOf(t *testing.T, transcript string) string {
	t.Helper()
	found := regexp.MustCompile(`> GET (http://127\.0\.0\.1:\d+)/\n`).FindStringSubmatch(transcript)
	if found == nil {
		t.Fatalf("no request to the gateway in\n%s", transcript)
	}
	return found[1]
}

func lastLine(t *testing.T, stdout string) (before, line string) {
	t.Helper()
	text, ok := strings.CutSuffix(stdout, "\n")
	at := strings.LastIndexByte(text, '\n')
	if !ok || at < 0 {
		t.Fatalf("standard output does not end with a line:\n%s", stdout)
	}
	return text[:at], text[at+1:]
}

// TestOnceOnANamedPort keeps the ports that the command line names.
func TestOnceOnANamedPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", loopback+":0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	p := newProgram(t, "demo", "--once", "--"+gatewayFlag, port)
	if status := p.finish(t); status != 0 {
		t.Fatalf("status %d\n%s", status, p.stderr.String())
	}
	if want := "> GET http://" + net.JoinHostPort(loopback, port) + "/\n"; !strings.Contains(p.stdout.String(), want) {
		t.Errorf("no %q in the transcript", want)
	}
}

// TestOnceReportsTheFailure runs against servers that are no gateways.
func TestOnceReportsTheFailure(t *testing.T) {
	t.Parallel()
	refusing := func(status int, body string) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
		mux.HandleFunc("POST /itsme/sessions", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
		return mux
	}
	for name, row := range map[string]struct {
		gateway http.Handler
		want    string
	}{
		"lets every request in": {http.HandlerFunc(echo), "as an app: GET /: the status is 200, not 401"},
		"starts no login":       {refusing(http.StatusServiceUnavailable, ""), "as an app: POST /itsme/sessions: the status is 503, not 201"},
		"answers a page":        {refusing(http.StatusCreated, "<!DOCTYPE html>"), "as an app: POST /itsme/sessions: the response is not the expected JSON"},
		"answers a wrong URL":   {refusing(http.StatusCreated, `{"authorization_request_url":":"}`), "as an app: the URL is malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(row.gateway)
			t.Cleanup(server.Close)
			var stdout bytes.Buffer
			err := playOnce(t.Context(), &stdout, &servers{Gateway: server.URL})
			if err == nil || err.Error() != row.want {
				t.Errorf("the error is %v, want %s", err, row.want)
			}
			_, line := lastLine(t, stdout.String())
			if want := `{"login":"failed","error":"` + row.want + `"}`; line != want {
				t.Errorf("the last line is\n%s, want\n%s", line, want)
			}
		})
	}
}
