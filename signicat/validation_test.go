package signicat_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

func TestStateEncoding(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		encoding signicat.StateEncoding
		state    string
		want     string
	}{
		{"raw", signicat.StateRaw, "ab:cd", "ab:cd"},
		{"raw keeps every byte", signicat.StateRaw, `a%3A+ <>&"é`, `a%3A+ <>&"é`},
		{"default is raw", "", "ab:cd", "ab:cd"},
		{
			"encoded as in Signicat's sample", signicat.StateEncoded,
			"X4w83EqXar8n0XhP2qbldIP7XpHKqT-OVPd5sK5K33w:a-sdge-AMTzsLg...P166",
			"X4w83EqXar8n0XhP2qbldIP7XpHKqT-OVPd5sK5K33w%3Aa-sdge-AMTzsLg...P166",
		},
		{"encoded has no plus for a space", signicat.StateEncoded, "a b+c", "a%20b%2Bc"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, got := recorder(t)
			client, url := newClient(t, s, func(config *signicat.Config) { config.StateEncoding = test.encoding })
			v := validation(url)
			v.State = test.state
			if err := client.ValidateCode(t.Context(), v); err != nil {
				t.Fatal(err)
			}
			want := map[string]any{"code": v.Code, "state": test.want, "transactionId": v.TransactionID}
			if diff := cmp.Diff(any(want), decode(t, []byte((*got)[1].Body))); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidationSendsPublishedRequest(t *testing.T) {
	t.Parallel()
	s, got := recorder(t)
	client, url := newClient(t, s, func(config *signicat.Config) { config.StateEncoding = signicat.StateEncoded })
	err := client.ValidateCode(t.Context(), signicat.CodeValidation{
		TokenRequestURL: url + validationPath,
		Code:            "8j988u5q8q1779c00y7hi9qg7aeyz4dcs447",
		State:           "X4w83EqXar8n0XhP2qbldIP7XpHKqT-OVPd5sK5K33w:a-sdge-AMTzsLg...P166",
		TransactionID:   "5da292ab-6bbc-a84f-8425-7f167d77147f",
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fixture(t, "validate_code_request.json"), decode(t, []byte((*got)[1].Body))); diff != "" {
		t.Errorf("body (-published +sent):\n%s", diff)
	}
	if _, there := (*got)[1].Header["Signicat-AccountId"]; there {
		t.Error("a header for an account that is not known")
	}
}

// TestTokenRequestURL offers URLs that an attacker who can answer for Signicat would choose
// to be sent our Signicat access token.
func TestTokenRequestURL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		apiURL, url string
		want        error
	}{
		{"", "https://api.signicat.com/idps/oidc-vendor/itsme/login-headless/token", nil},
		{"", "https://API.signicat.com:443/x?y=z", nil},
		{"https://demo.sandbox.signicat.com", "https://demo.sandbox.signicat.com/x", nil},
		{"https://demo.sandbox.signicat.com", "https://api.signicat.com/x", nil},
		{"https://Demo.Signicat.com", "https://api.signicat.com/x", nil},
		{"https://proxy.example.be:8443", "https://proxy.example.be:8443/x", nil},
		{"http://127.0.0.1:8090", "http://127.0.0.1:8090/x", nil},
		{"http://[::1]:8090", "http://[::1]:8090/x", nil},
		{"http://localhost", "http://localhost:80/x", nil},

		{"", "", signicat.ErrTokenRequestURL},
		{"", "/idps/token", signicat.ErrTokenRequestURL},
		{"", "//api.signicat.com/x", signicat.ErrTokenRequestURL},
		{"", "http://api.signicat.com/x", signicat.ErrTokenRequestURL},
		{"", "ftp://api.signicat.com/x", signicat.ErrTokenRequestURL},
		{"", "https:api.signicat.com/x", signicat.ErrTokenRequestURL},
		{"", "https://api.signicat.com:8443/x", signicat.ErrTokenRequestURL},
		{"", "https://api.signicat.com.evil.example/x", signicat.ErrTokenRequestURL},
		{"", "https://evil.example/api.signicat.com", signicat.ErrTokenRequestURL},
		{"", "https://evil.example#@api.signicat.com/x", signicat.ErrTokenRequestURL},
		{"", "https://api.signicat.com@evil.example/x", signicat.ErrTokenRequestURL},
		{"", "https://user@api.signicat.com/x", signicat.ErrTokenRequestURL},
		{"", `https://evil.example\@api.signicat.com/x`, signicat.ErrTokenRequestURL},
		{"", "https://demo.sandbox.signicat.com/x", signicat.ErrTokenRequestURL},
		{"", "https://api.signicat.com\n.evil.example/x", signicat.ErrTokenRequestURL},
		{"https://notsignicat.com", "https://api.signicat.com/x", signicat.ErrTokenRequestURL},
		{"https://proxy.example.be", "https://api.signicat.com/x", signicat.ErrTokenRequestURL},
		{"https://proxy.example.be", "https://proxy.example.be:8443/x", signicat.ErrTokenRequestURL},
		{"http://127.0.0.1:8090", "http://127.0.0.1:8091/x", signicat.ErrTokenRequestURL},
		{"http://127.0.0.1:8090", "https://127.0.0.1:8090/x", signicat.ErrTokenRequestURL},
		{"http://127.0.0.1:8090", "https://api.signicat.com/x", signicat.ErrTokenRequestURL},
		{"https://127.0.0.1:8090", "http://127.0.0.1:8090/x", signicat.ErrTokenRequestURL},
	} {
		t.Run(test.apiURL+" "+test.url, func(t *testing.T) {
			t.Parallel()
			var sent bool
			client := connect(t, test.apiURL, func(config *signicat.Config) {
				config.Transport = roundTrip(func(*http.Request) { sent = true })
			})
			if err := client.CheckTokenRequestURL(test.url); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			err := client.ValidateCode(t.Context(), signicat.CodeValidation{TokenRequestURL: test.url})
			if errors.Is(err, signicat.ErrTokenRequestURL) != (test.want != nil) || sent != (test.want == nil) {
				t.Errorf("validating: got %v; something was sent: %t", err, sent)
			}
		})
	}
}

// roundTrip is a network that sees requests and answers none.
type roundTrip func(*http.Request)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	f(r)
	return nil, http.ErrServerClosed
}
