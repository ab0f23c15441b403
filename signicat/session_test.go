package signicat_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

func TestPublishedSuccess(t *testing.T) {
	t.Parallel()
	client, _ := newClient(t, &server{})
	got, err := client.Session(t.Context(), sessionID)
	if err != nil {
		t.Fatal(err)
	}
	raw := func(text string) json.RawMessage { return json.RawMessage(text) }
	want := &signicat.Session{
		ID: sessionID, AccountID: "<ACCOUNT_ID>", Status: signicat.StatusSuccess, Provider: signicat.ProviderItsme,
		Subject: &signicat.Subject{
			ID: "tXOq9614vLHkXBkENWcZGQO02Fc98IPaHq6iRwK-ytA=",
			Attributes: map[string]json.RawMessage{
				"idpId": raw(`"rpx5rrbsn4ktvhm3m0q4uh2iepsdat34i9vf"`), "name": raw(`"Maxence Legrand"`),
				"firstName": raw(`"Maxence"`), "lastName": raw(`"Legrand"`), "dateOfBirth": raw(`"1981-04-24"`),
				"nin": raw("{\n\"value\": \"81042419835\",\n\"issuingCountry\": \"BE\",\n\"type\": \"PERSON\"\n}"),
			},
		},
		LoA:       signicat.LoAHigh,
		ExpiresAt: time.Date(2026, 3, 19, 16, 23, 40, 999662000, time.UTC),
		IDPData: signicat.IDPData{
			AuthorizationRequestURL: got.IDPData.AuthorizationRequestURL, // compared below
			TokenRequestURL:         "https://api.signicat.com/idps/oidc-vendor/itsme/login-headless/token",
			TransactionID:           "8aa41ada-3cd0-874b-9acd-bd0a5f7e033f",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("session (-want +got):\n%s", diff)
	}
	if !strings.Contains(got.IDPData.AuthorizationRequestURL, "&state=HOiwzUyqdM1Pf7ewufjb9570cyW8WbFX1a5orfzz4JA%3Aa-sdge-") {
		t.Errorf("authorization request URL %s", got.IDPData.AuthorizationRequestURL)
	}
}

func TestEveryMemberIsRead(t *testing.T) {
	t.Parallel()
	sessionError, err := os.ReadFile("testdata/session_error.json")
	if err != nil {
		t.Fatal(err)
	}
	got := read(t, `{"id":"i","accountId":"a","status":"ERROR","statusDetail":"d","provider":"itsme",`+
		`"subject":{"id":"s","name":"n"},"loa":"low","idpData":{"authorizationRequestUrl":"r","tokenRequestUrl":"t","transactionId":"x"},`+
		`"transactionId":"y","error":`+string(sessionError)+`,"environment":{"ipAddress":"1"},"expiresAt":"2026-03-19T08:36:06.2964843Z"}`)
	want := &signicat.Session{
		ID: "i", AccountID: "a", Status: signicat.StatusError, Provider: "itsme", LoA: signicat.LoALow,
		Subject:       &signicat.Subject{ID: "s", Attributes: map[string]json.RawMessage{"name": json.RawMessage(`"n"`)}},
		IDPData:       signicat.IDPData{AuthorizationRequestURL: "r", TokenRequestURL: "t", TransactionID: "x"},
		TransactionID: "y", Error: &signicat.SessionError{Code: "invalid_account_id"},
		ExpiresAt: time.Date(2026, 3, 19, 8, 36, 6, 296484300, time.UTC),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("session (-want +got):\n%s", diff)
	}
}

func TestNullIsMissing(t *testing.T) {
	t.Parallel()
	session := read(t, `{"id":"i","accountId":"a","status":"CREATED","statusDetail":null,"provider":null,"subject":null,
		"idpData":null,"error":null,"environment":null,"tags":null,"loa":null,"sessionLifetime":null,"expiresAt":null,
		"messageTransportProperties":null,"callbackUrls":null,"somethingNew":{"a":1}}`)
	want := &signicat.Session{ID: "i", AccountID: "a", Status: signicat.StatusCreated}
	if diff := cmp.Diff(want, session); diff != "" {
		t.Errorf("session (-want +got):\n%s", diff)
	}
}

func TestExpiresAtAsDotNETWritesIt(t *testing.T) {
	t.Parallel()
	for text, nanoseconds := range map[string]int{
		"06+00:00": 0, "06.2+00:00": 200000000, "06.29+00:00": 290000000, "06.2964843+00:00": 296484300, "06.296484Z": 296484000,
	} {
		session := read(t, `{"id":"i","accountId":"a","status":"CREATED","expiresAt":"2026-03-19T08:36:`+text+`"}`)
		if want := time.Date(2026, 3, 19, 8, 36, 6, nanoseconds, time.UTC); !session.ExpiresAt.Equal(want) {
			t.Errorf("%s: got %v", text, session.ExpiresAt)
		}
	}
}

func TestSessionsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, body, text string }{
		{"no id", `{"accountId":"a","status":"CREATED"}`, "id"},
		{"null id", `{"id":null,"accountId":"a","status":"CREATED"}`, "id"},
		{"id that is a path", `{"id":"../x","accountId":"a","status":"CREATED"}`, "id"},
		{"no account", `{"id":"i","status":"CREATED"}`, "accountId"},
		{"account that would split a header", `{"id":"i","accountId":"a\r\nb","status":"CREATED"}`, "accountId"},
		{"no status", `{"id":"i","accountId":"a"}`, "status"},
		{"status of another type", `{"id":"i","accountId":"a","status":81042419835}`, "status"},
		{"URL of another type", `{"id":"i","accountId":"a","status":"CREATED","idpData":{"tokenRequestUrl":81042419835}}`, "idpData.tokenRequestUrl"},
		{"subject of another type", `{"id":"i","accountId":"a","status":"SUCCESS","subject":"81042419835"}`, "subject"},
		{"subject id of another type", `{"id":"i","accountId":"a","status":"SUCCESS","subject":{"id":81042419835}}`, "subject"},
		{"time that is none", `{"id":"i","accountId":"a","status":"CREATED","expiresAt":"81042419835"}`, "JSON"},
		{"trailing garbage", `{"id":"i","accountId":"a","status":"CREATED"}{}`, "JSON"},
		{"cut", `{"id":"i","accountId":"a","status":"CREATED"`, "JSON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			client, _ := newClient(t, &server{session: jsonBody(test.body)})
			_, err := client.Session(t.Context(), "i")
			wantNoSecret(t, err)
			if !errors.Is(err, signicat.ErrInvalidResponse) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v, want an invalid response that names %s", err, test.text)
			}
		})
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	for contentType, wantErr := range map[string]error{
		"application/json": nil, "APPLICATION/JSON; Charset=UTF-8": nil, "application/json;": nil,
		"application/vnd.signicat.v1+json": nil, "application/problem+json": nil,
		"application/jose": signicat.ErrInvalidResponse, "application/jsonx": signicat.ErrInvalidResponse,
		"text/json": signicat.ErrInvalidResponse, "": signicat.ErrInvalidResponse, "json": signicat.ErrInvalidResponse,
	} {
		client, _ := newClient(t, &server{session: typed(contentType, `{"id":"i","accountId":"a","status":"CREATED"}`)})
		if _, err := client.Session(t.Context(), "i"); !errors.Is(err, wantErr) {
			t.Errorf("%q: got %v, want %v", contentType, err, wantErr)
		}
	}
}

func TestLoggedSessionTellsNothingPersonal(t *testing.T) {
	t.Parallel()
	session := read(t, `{"id":"i","accountId":"a","status":"ERROR","subject":{"id":"pseudonym","nin":"`+personNIN+`"},
		"idpData":{"authorizationRequestUrl":"https://x?state=`+state+`"},"error":{"code":"invalid_account_id","title":"`+personNIN+`"}}`)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "session", session)
	want := `"session":{"id":"i","status":"ERROR","error_code":"invalid_account_id"}}`
	if !strings.HasSuffix(strings.TrimSpace(log.String()), want) {
		t.Errorf("logged %s", log.String())
	}
}

// FuzzSession reads whatever an answer may hold. What is read must be whole: ids fit for a path
// and a header, texts that are UTF-8, and the same session when it is written and read again.
func FuzzSession(f *testing.F) {
	for _, file := range []string{"create_session.json", "read_session_success.json", "session_error.json"} {
		body, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	for _, body := range []string{`{"id":"a/../b","accountId":"a","status":"SUCCESS"}`, `{"id":1}`, `{"expiresAt":"\r\n` + strings.Repeat("x", 300) + `"}`, `{"sessionLifetime":1e999}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		session, err := signicat.DecodeSession(body)
		if err != nil {
			if !errors.Is(err, signicat.ErrInvalidResponse) {
				t.Fatalf("got %v", err)
			}
			if text := err.Error(); len(text) > 200 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("Signicat's text is in the error: %q", text)
			}
			return
		}
		if session.ID == "" || url.PathEscape(session.ID) != session.ID || session.Status == "" {
			t.Errorf("unusable: %+v", session)
		}
		if account := session.AccountID; account == "" || strings.ContainsFunc(account, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("account %q is not fit for a header", account)
		}
		wantUTF8(t, session.Subject)
	})
}

func wantUTF8(t *testing.T, s *signicat.Subject) {
	t.Helper()
	if s == nil {
		return
	}
	nin, hasNIN := s.NIN()
	address, hasAddress := s.Address()
	if hasNIN != (nin.Value != "") || hasAddress != (address != "") {
		t.Errorf("there, but empty: %t %+v %t %q", hasNIN, nin, hasAddress, address)
	}
	texts := []string{s.ID, nin.Value, nin.IssuingCountry, nin.Type, address}
	for attribute := range s.Attributes {
		text, there := s.Text(attribute)
		if there != (text != "") {
			t.Errorf("%q is there, but empty", attribute)
		}
		texts = append(texts, text)
	}
	for _, text := range texts {
		if !utf8.ValidString(text) {
			t.Errorf("not UTF-8: %q", text)
		}
	}
}

// memory is a network on which every access token is good and every session has this body.
type memory []byte

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte(m)
	if strings.HasSuffix(r.URL.Path, "/token") {
		body = []byte(`{"access_token":"a","token_type":"Bearer","expires_in":600}`)
	}
	return &http.Response{
		StatusCode: 200,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(bytes.NewReader(body)),
	}, nil
}

func read(t *testing.T, body string) *signicat.Session {
	t.Helper()
	session, err := connect(t, "", func(config *signicat.Config) { config.Transport = memory(body) }).Session(t.Context(), "i")
	if err != nil {
		t.Fatal(err)
	}
	return session
}
