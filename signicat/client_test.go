package signicat_test

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// sent is what a request looked like on the wire.
type sent struct {
	Method, URI string
	Header      map[string]string // those that this package decides on
	Body        string            // JSON without white space
}

// recorder is a server that keeps what came.
func recorder(t *testing.T) (*server, *[]sent) {
	t.Helper()
	var all []sent
	record := func(next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			header := map[string]string{}
			for _, name := range []string{"Content-Type", "Authorization", "Signicat-AccountId", "Signicat-OrganizationId"} {
				if value := r.Header.Get(name); value != "" {
					header[name] = value
				}
			}
			all = append(all, sent{r.Method, r.RequestURI, header, string(body)})
			next(w, r)
		}
	}
	token := jsonBody(`{"access_token":"T","token_type":"Bearer","expires_in":600}`)
	return &server{accessToken: record(token), session: record(answerSession), validation: record(status(200))}, &all
}

func TestRequestsOnTheWire(t *testing.T) {
	t.Parallel()
	s, got := recorder(t)
	client, url := newClient(t, s, func(config *signicat.Config) { config.AccountID = "a-spge-1" })
	for _, operation := range operations() {
		if err := operation.call(t.Context(), client, url); err != nil {
			t.Fatal(err)
		}
	}
	bearer := map[string]string{"Authorization": "Bearer T"}
	withJSON := map[string]string{"Authorization": "Bearer T", "Content-Type": "application/json"}
	want := []sent{
		{
			"POST", "/auth/open/connect/token",
			map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
			"client_id=dev-round-apple-123&client_secret=" + clientSecret + "&grant_type=client_credentials&scope=signicat-api",
		},
		{"POST", "/auth/rest/sessions?signicat-accountId=a-spge-1", withJSON, `{"flow":"headless","requestedAttributes":[]}`},
		{"GET", "/auth/rest/sessions/" + sessionID + "?signicat-accountId=a-spge-1", bearer, ""},
		{"POST", "/auth/rest/sessions/" + sessionID + "/cancel?signicat-accountId=a-spge-1", bearer, ""},
		{
			"POST", validationPath,
			map[string]string{
				"Authorization": "Bearer T", "Content-Type": "application/json",
				"Signicat-AccountId": "a-sdge-AMTzsLg5v6Xl6PLSP166",
			},
			`{"code":"` + code + `","state":"` + state + `","transactionId":"8aa41ada-3cd0-874b-9acd-bd0a5f7e033f"}`,
		},
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestOrganisationOnTheWire(t *testing.T) {
	t.Parallel()
	s, got := recorder(t)
	client, url := newClient(t, s, func(config *signicat.Config) { config.OrganizationID = "o-1" })
	for _, operation := range operations() {
		if err := operation.call(t.Context(), client, url); err != nil {
			t.Fatal(err)
		}
	}
	for _, request := range (*got)[1:] {
		if request.Header["Signicat-OrganizationId"] != "o-1" || !strings.HasSuffix(request.URI, "?signicat-organizationId=o-1") {
			t.Errorf("%s %s does not name the organisation", request.Method, request.URI)
		}
	}
}

func TestCreateSessionSendsPublishedRequest(t *testing.T) {
	t.Parallel()
	s, got := recorder(t)
	client, _ := newClient(t, s)
	session, err := client.CreateSession(t.Context(), signicat.SessionRequest{
		AllowedProviders:     []string{signicat.ProviderItsme},
		AdditionalParameters: map[string]string{signicat.ParameterRedirectURL: "https://{app-domain}/path"},
		RequestedAttributes:  []string{"name", "firstName", "lastName", "dateOfBirth", "nin"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fixture(t, "create_session_request.json"), decode(t, []byte((*got)[1].Body))); diff != "" {
		t.Errorf("request (-published +sent):\n%s", diff)
	}
	if session.Status != signicat.StatusCreated || session.IDPData.TransactionID != "8aa41ada-3cd0-874b-9acd-bd0a5f7e033f" {
		t.Errorf("read %+v", session)
	}
}

func TestCreateSessionSendsEveryMember(t *testing.T) {
	t.Parallel()
	s, got := recorder(t)
	client, _ := newClient(t, s)
	_, err := client.CreateSession(t.Context(), signicat.SessionRequest{
		AllowedProviders: []string{"itsme"}, RequestedAttributes: []string{"name"}, RequestedLoA: signicat.LoAHigh,
		AdditionalParameters: map[string]string{"k": "v"}, Language: "nl", SessionLifetimeSeconds: 900,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"flow":"headless","allowedProviders":["itsme"],"requestedAttributes":["name"],"requestedLoa":"high",` +
		`"additionalParameters":{"k":"v"},"language":"nl","sessionLifetime":900}`
	if diff := cmp.Diff(want, (*got)[1].Body); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestSessionIDNeverBecomesAPath(t *testing.T) {
	t.Parallel()
	s := &server{}
	client, _ := newClient(t, s)
	for _, id := range []string{
		"", ".", "..", "a/b", "a%2Fb", "a?b", "a#b", "a b", "a\\b", "a;b", "a\x00b", "é", strings.Repeat("a", 201),
	} {
		if _, err := client.Session(t.Context(), id); !errors.Is(err, signicat.ErrSessionID) {
			t.Errorf("reading %q: got %v, want %v", id, err, signicat.ErrSessionID)
		}
		if _, err := client.CancelSession(t.Context(), id); !errors.Is(err, signicat.ErrSessionID) {
			t.Errorf("cancelling %q: got %v, want %v", id, err, signicat.ErrSessionID)
		}
	}
	if s.tokens.Load()+s.calls.Load() != 0 {
		t.Error("something was sent")
	}
	if _, err := client.Session(t.Context(), strings.Repeat("a", 200)); err != nil {
		t.Errorf("200 characters: %v", err)
	}
}

func TestOwnTransportBoundsHeaders(t *testing.T) {
	t.Parallel()
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Large", strings.Repeat("a", 100<<10))
	}))
	t.Cleanup(listening.Close)
	err := connect(t, listening.URL).CheckCredentials(t.Context())
	if !errors.Is(err, signicat.ErrUnavailable) {
		t.Errorf("got %v, want %v", err, signicat.ErrUnavailable)
	}
}

func TestUnknownCertificateIsNamed(t *testing.T) {
	t.Parallel()
	listening := httptest.NewUnstartedServer(&server{})
	listening.Config.ErrorLog = log.New(io.Discard, "", 0)
	listening.StartTLS()
	t.Cleanup(listening.Close)
	err := connect(t, listening.URL).CheckCredentials(t.Context())
	if !errors.Is(err, signicat.ErrUnavailable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v, want one that names the certificate", err)
	}
}

func fixture(t *testing.T, name string) any {
	t.Helper()
	body, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, body)
}

func decode(t *testing.T, body []byte) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		t.Fatal(err)
	}
	return value
}
