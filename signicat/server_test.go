package signicat_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/pipetest"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// What must never show up in an error.
const (
	clientSecret = "client-secret-0c1f5a"
	tokenPrefix  = "signicat-access-token-"
	code         = "8j988u5q8q1779c00y7hi9qg7aeyz4dcs447"
	state        = "X4w83EqXar8n0XhP2qbldIP7XpHKqT-OVPd5sK5K33w:a-sdge-AMTzsLg5v6Xl6PLSP166"
	personNIN    = "81042419835"
)

const (
	sessionID      = "db415388-c978-4027-84a6-021bd743ef0b"
	validationPath = "/idps/oidc-vendor/itsme/login-headless/token"
)

// server answers as Signicat does, but for the routes that a test replaces.
type server struct {
	accessToken http.HandlerFunc // nil: a new one every time, for 600 s
	session     http.HandlerFunc // nil: the published examples
	validation  http.HandlerFunc // nil: 200 without a body

	tokens, calls atomic.Int32
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// net/http notices the end of the client only after the handler read the body.
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	switch {
	case r.URL.Path == "/auth/open/connect/token":
		n := s.tokens.Add(1)
		if s.accessToken != nil {
			s.accessToken(w, r)
			return
		}
		answerToken(w, fmt.Sprintf(`{"access_token":"%s%d","token_type":"Bearer","expires_in":600}`, tokenPrefix, n))
	case r.URL.Path == validationPath:
		s.calls.Add(1)
		if s.validation != nil {
			s.validation(w, r)
		}
	default:
		s.calls.Add(1)
		if s.session != nil {
			s.session(w, r)
			return
		}
		answerSession(w, r)
	}
}

func answerToken(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	io.WriteString(w, body)
}

func answerSession(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	file := "read_session_success.json"
	if r.Method == http.MethodPost {
		file = "create_session.json"
	}
	body, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		panic(err)
	}
	w.Write(body)
}

// everywhere makes every route but the access token's answer alike.
func everywhere(handler http.HandlerFunc) *server {
	return &server{session: handler, validation: handler}
}

// newClient serves s on loopback and returns a client of it, with its URL.
func newClient(t *testing.T, s *server, change ...func(*signicat.Config)) (*signicat.Client, string) {
	t.Helper()
	listening := httptest.NewServer(s)
	t.Cleanup(listening.Close)
	return connect(t, listening.URL, change...), listening.URL
}

// newMemoryClient serves s in memory, so that time in testing/synctest can pass.
func newMemoryClient(t *testing.T, s *server) (*signicat.Client, string) {
	t.Helper()
	wire := pipetest.New()
	serving := &http.Server{Handler: s}
	go serving.Serve(wire)
	transport := &http.Transport{DialContext: wire.Dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		serving.Close()
	})
	overPipe := func(config *signicat.Config) { config.Transport = transport }
	const url = "http://localhost"
	return connect(t, url, overPipe), url
}

func connect(t *testing.T, url string, change ...func(*signicat.Config)) *signicat.Client {
	t.Helper()
	config := signicat.Config{ClientID: "dev-round-apple-123", ClientSecret: clientSecret, APIURL: url}
	for _, apply := range change {
		apply(&config)
	}
	client, err := signicat.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// operation is one call of the client, as every test of all of them makes it.
type operation struct {
	name string
	call func(ctx context.Context, c *signicat.Client, url string) error
}

func operations() []operation {
	return []operation{
		{signicat.OperationAccessToken, func(ctx context.Context, c *signicat.Client, _ string) error {
			return c.CheckCredentials(ctx)
		}},
		{signicat.OperationCreateSession, func(ctx context.Context, c *signicat.Client, _ string) error {
			_, err := c.CreateSession(ctx, signicat.SessionRequest{})
			return err
		}},
		{signicat.OperationReadSession, func(ctx context.Context, c *signicat.Client, _ string) error {
			_, err := c.Session(ctx, sessionID)
			return err
		}},
		{signicat.OperationCancelSession, func(ctx context.Context, c *signicat.Client, _ string) error {
			_, err := c.CancelSession(ctx, sessionID)
			return err
		}},
		{signicat.OperationValidateCode, func(ctx context.Context, c *signicat.Client, url string) error {
			return c.ValidateCode(ctx, validation(url))
		}},
	}
}

func validation(url string) signicat.CodeValidation {
	return signicat.CodeValidation{
		TokenRequestURL: url + validationPath,
		TransactionID:   "8aa41ada-3cd0-874b-9acd-bd0a5f7e033f",
		AccountID:       "a-sdge-AMTzsLg5v6Xl6PLSP166",
		Code:            code,
		State:           state,
	}
}

// wantNoSecret fails when the text of err holds what belongs in no log.
func wantNoSecret(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	stateStart, _, _ := strings.Cut(state, ":")
	for _, secret := range []string{clientSecret, tokenPrefix, code, stateStart, personNIN} {
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, secret) {
			t.Errorf("error holds %q: %s", secret, text)
		}
	}
}
