package signicat_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

func TestAccessTokenAnswers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		body    string
		wantErr error
	}{
		{"as RFC 6749 has it", `{"access_token":"a","token_type":"Bearer","expires_in":600,"scope":"signicat-api"}`, nil},
		{"another token type", `{"access_token":"a","token_type":"DPoP","expires_in":600}`, signicat.ErrInvalidResponse},
		{"no token type", `{"access_token":"a","expires_in":600}`, signicat.ErrInvalidResponse},
		{"no token", `{"token_type":"Bearer","expires_in":600}`, signicat.ErrInvalidResponse},
		{"empty token", `{"access_token":"","token_type":"Bearer","expires_in":600}`, signicat.ErrInvalidResponse},
		{"token that would split a header", `{"access_token":"a\r\nX: y","token_type":"Bearer"}`, signicat.ErrInvalidResponse},
		{"token that is not ASCII", `{"access_token":"é","token_type":"Bearer"}`, signicat.ErrInvalidResponse},
		{"token of 17 KiB", `{"access_token":"` + strings.Repeat("a", 17<<10) + `","token_type":"Bearer"}`, signicat.ErrInvalidResponse},
		{"token that is a number", `{"access_token":81042419835,"token_type":"Bearer"}`, signicat.ErrInvalidResponse},
		{"life that is an object", `{"access_token":"a","token_type":"Bearer","expires_in":{}}`, signicat.ErrInvalidResponse},
		{"trailing garbage", `{"access_token":"a","token_type":"Bearer"} x`, signicat.ErrInvalidResponse},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			client, _ := newClient(t, &server{accessToken: jsonBody(test.body)})
			err := client.CheckCredentials(t.Context())
			wantNoSecret(t, err)
			if !errors.Is(err, test.wantErr) {
				t.Errorf("got %v, want %v", err, test.wantErr)
			}
		})
	}
}

func TestAccountSelection(t *testing.T) {
	t.Parallel()
	jwt := func(payload string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
	}
	for _, test := range []struct {
		name       string
		configured string
		token      string
		want       string
	}{
		{"configured", "a-spge-1", jwt(`{"account_id":"a-spge-2"}`), "signicat-accountId=a-spge-1"},
		{"claimed by the access token", "", jwt(`{"account_id":"a-spge-2"}`), "signicat-accountId=a-spge-2"},
		{"escaped", "a&b=c", "opaque", "signicat-accountId=a%26b%3Dc"},
		{"opaque token", "", "opaque", ""},
		{"encrypted token", "", "e30.a.b.c.d", ""},
		{"token without the claim", "", jwt(`{"sub":"x"}`), ""},
		{"claim of another type", "", jwt(`{"account_id":7}`), ""},
		{"claim that would split a header", "", jwt(`{"account_id":"a\r\nb"}`), ""},
		{"payload that is not base64url", "", "e30.+/.c2ln", ""},
		{"payload that is not JSON", "", jwt(`account_id`), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var query string
			s := &server{
				accessToken: jsonBody(`{"access_token":"` + test.token + `","token_type":"Bearer","expires_in":600}`),
				session: func(w http.ResponseWriter, r *http.Request) {
					query = r.URL.RawQuery
					answerSession(w, r)
				},
			}
			client, _ := newClient(t, s, func(config *signicat.Config) { config.AccountID = test.configured })
			mustRead(t, client)
			if query != test.want {
				t.Errorf("query %q, want %q", query, test.want)
			}
		})
	}
}
