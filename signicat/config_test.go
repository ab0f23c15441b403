package signicat_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// parameter sets one parameter.
func parameter(name, value string) func(*signicat.Config) {
	return func(c *signicat.Config) { c.Parameters = map[string]string{name: value} }
}

func TestConfigRefusals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*signicat.Config)
		field  string // what the error names; "" when there is none
	}{
		{"as little as possible", func(*signicat.Config) {}, ""},
		{"no client id", func(c *signicat.Config) { c.ClientID = "" }, "client_id is empty"},
		{"client id with a space", func(c *signicat.Config) { c.ClientID = " a" }, "client_id has white space"},
		{"no client secret", func(c *signicat.Config) { c.ClientSecret = "" }, "client_secret is empty"},
		{"secret with the newline of its file", func(c *signicat.Config) { c.ClientSecret += "\n" }, "client_secret has white space"},
		{"secret with NUL", func(c *signicat.Config) { c.ClientSecret += "\x00x" }, "client_secret has white space around it or a control character"},
		{"secret with every sign", func(c *signicat.Config) { c.ClientSecret += `a b+c%d&e=f"é` }, ""},
		{"account id with a space", func(c *signicat.Config) { c.AccountID = "a b" }, "account_id"},
		{"account id of 201 characters", func(c *signicat.Config) { c.AccountID = strings.Repeat("a", 201) }, "account_id"},
		{"organization id with a newline", func(c *signicat.Config) { c.OrganizationID = "a\nb" }, "organization_id"},
		{"negative timeout", func(c *signicat.Config) { c.Timeout = -1 }, "timeout"},
		{"timeout of an hour", func(c *signicat.Config) { c.Timeout = time.Hour }, "timeout must be more than 0s and at most 1m0s"},
		{"longest timeout", func(c *signicat.Config) { c.Timeout = signicat.MaxTimeout }, ""},
		{"state encoding in capitals", func(c *signicat.Config) { c.StateEncoding = "RAW" }, "state_encoding"},
		{"parameters", func(c *signicat.Config) {
			c.Parameters = map[string]string{"itsme_response_type": "code", "itsme.other-1": "a, b"}
		}, ""},
		{"the parameter of the redirect URL", parameter("itsme_redirect_url", "https://app.example.be/cb"), "set redirect_url or app_redirect_url"},
		{"the parameter of the redirect URL in capitals", parameter("ITSME_Redirect_URL", "https://app.example.be/cb"), "set redirect_url or app_redirect_url"},
		{"no code", parameter("itsme_response_type", "none"), "binds a login to its client by that code"},
		{"no code in capitals", parameter("Itsme_Response_Type", " None"), "binds a login to its client by that code"},
		{"a parameter without a name", parameter("", "code"), "a name has characters"},
		{"a parameter with a blank in its name", parameter("itsme x", "code"), "a name has characters"},
		{"a parameter with a long name", parameter(strings.Repeat("a", 101), "code"), "a name has characters"},
		{"a parameter with a control character", parameter("itsme_x", "a\x00b"), "the value of itsme_x has"},
		{"a parameter that is not UTF-8", parameter("itsme_x", "a\xffb"), "the value of itsme_x has"},
		{"a parameter with a long value", parameter("itsme_x", strings.Repeat("a", 1001)), "the value of itsme_x has"},
		{"a parameter in two spellings", func(c *signicat.Config) {
			c.Parameters = map[string]string{"itsme_x": "a", "Itsme_X": "b"}
		}, "is set twice"},
		{"too many parameters", func(c *signicat.Config) {
			c.Parameters = map[string]string{}
			for n := range signicat.MaxParameters + 1 {
				c.Parameters["itsme_"+strconv.Itoa(n)] = "x"
			}
		}, "more than 20"},
		{"own domain", func(c *signicat.Config) { c.APIURL = "https://demo.sandbox.signicat.com/" }, ""},
		{"port", func(c *signicat.Config) { c.APIURL = "https://demo.example:8443" }, ""},
		{"http on localhost", func(c *signicat.Config) { c.APIURL = "http://localhost:8090" }, ""},
		{"http on 127.0.0.2", func(c *signicat.Config) { c.APIURL = "http://127.0.0.2:8090" }, ""},
		{"http on ::1", func(c *signicat.Config) { c.APIURL = "http://[::1]:8090" }, ""},
		{"http elsewhere", func(c *signicat.Config) { c.APIURL = "http://api.signicat.com" }, "api_url"},
		{"http on a name that looks like loopback", func(c *signicat.Config) { c.APIURL = "http://127.0.0.1.example" }, "api_url"},
		{"no scheme", func(c *signicat.Config) { c.APIURL = "api.signicat.com" }, "api_url"},
		{"no host", func(c *signicat.Config) { c.APIURL = "https://" }, "api_url"},
		{"path", func(c *signicat.Config) { c.APIURL = "https://api.signicat.com/auth/rest" }, "api_url"},
		{"query", func(c *signicat.Config) { c.APIURL = "https://api.signicat.com?a=b" }, "api_url"},
		{"fragment", func(c *signicat.Config) { c.APIURL = "https://api.signicat.com#a" }, "api_url"},
		{"user info", func(c *signicat.Config) { c.APIURL = "https://u:p@api.signicat.com" }, "api_url"},
		{"not a URL", func(c *signicat.Config) { c.APIURL = "https://a b" }, "api_url"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := signicat.Config{ClientID: "dev-round-apple-123", ClientSecret: clientSecret}
			test.change(&config)
			client, err := signicat.New(config)
			if test.field == "" {
				if err != nil {
					t.Fatal(err)
				}
				client.Close()
				return
			}
			wantNoSecret(t, err)
			if !errors.Is(err, signicat.ErrConfig) || !strings.Contains(err.Error(), test.field) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line that names %s", err, test.field)
			}
		})
	}
}
