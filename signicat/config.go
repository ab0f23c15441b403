package signicat

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/loopback"
)

const (
	// DefaultAPIURL is Signicat's API, for sandbox and production accounts alike.
	DefaultAPIURL = "https://api.signicat.com"
	// DefaultTimeout bounds one call.
	DefaultTimeout = 10 * time.Second
	// MaxTimeout is the longest [Config].Timeout.
	MaxTimeout = time.Minute
	// MaxBody bounds the bytes that are read of an answer. A session has about 2 KiB.
	MaxBody = 1 << 20
)

// StateEncoding selects the form of the state in the validation call.
//
// Unverified: which of the two Signicat expects. Its sample shows the encoded form, its text has
// "the state value returned by the itsme app".
type StateEncoding string

const (
	// StateRaw sends the decoded state of the redirect URL's query. It is the default.
	StateRaw StateEncoding = "raw"
	// StateEncoded sends it percent-encoded, with %3A for its colon, as in Signicat's sample.
	StateEncoded StateEncoding = "encoded"
)

// ErrConfig is returned by [New] when a field of Config is missing or invalid.
var ErrConfig = errors.New("signicat configuration")

// Config configures a [Client]. No error has a secret of it.
type Config struct {
	// ClientID is the id of the API client in the Signicat Dashboard. Required.
	ClientID string
	// ClientSecret is its secret. Required.
	ClientSecret string
	// AccountID selects the Signicat account of sessions. Empty: the account_id claim of the
	// Signicat access token, or no selection when that cannot be read.
	AccountID string
	// OrganizationID is needed by API clients of an organisation. Empty for those of an account.
	OrganizationID string
	// APIURL is scheme and host of Signicat's API: https, or http on a loopback host.
	// Default [DefaultAPIURL]. The account's own Signicat domain works as well.
	APIURL string
	// Timeout bounds one call to Signicat, from connecting to the last byte of the answer.
	// Zero means [DefaultTimeout]; at most [MaxTimeout].
	Timeout time.Duration
	// StateEncoding selects the form of the state in the validation call. Default [StateRaw].
	StateEncoding StateEncoding
	// Parameters are sent with every session as additional parameters of the eID, beside those of the
	// [SessionRequest]. Each is a name that Signicat's pages define and its value. At most [MaxParameters].
	// [ParameterRedirectURL] and itsme_response_type none are refused. Default none.
	Parameters map[string]string
	// PropagateTrace sends Signicat a traceparent header (W3C Trace Context) with every call that is
	// traced. It sends no tracestate and no baggage, because clients can write both. Default false.
	// Unverified: whether Signicat reads it.
	PropagateTrace bool
	// DialContext connects to Signicat. Nil: a [net.Dialer] that gives up after Timeout.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// RootCAs verify Signicat's certificate. Nil: those of the system, or of the file that the
	// environment variable SSL_CERT_FILE names, as in crypto/x509.
	RootCAs *x509.CertPool
	// Transport sends the calls. The caller closes it, and DialContext and RootCAs are ignored. Nil, for
	// production, is a transport of the client. It takes its proxy from the environment as net/http
	// does. It uses no silent HTTP/2 connection: it closes one that does not answer a PING for half of
	// Timeout, and after a timeout it uses another one unless the connection answered meanwhile.
	Transport http.RoundTripper
	// Observe receives every call that ended, before its caller gets the answer. It must not block.
	// Nil is ignored.
	Observe func(Call)
	// ObserveStatus receives each status of an answer that this package does not know, with its spelling
	// bounded like that of an error code. Nil is ignored.
	ObserveStatus func(Status)
	// ObserveClock receives how far this machine's clock is ahead of Signicat's, by the Date of each
	// answer. It is exact to a second and half of the time that the call took. Nil is ignored.
	ObserveClock func(ahead time.Duration)
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// withDefaults returns the configuration with its defaults, or an error that names field and remedy.
func (c Config) withDefaults() (Config, error) {
	c.APIURL = strings.TrimSuffix(cmp.Or(c.APIURL, DefaultAPIURL), "/")
	c.Timeout = cmp.Or(c.Timeout, DefaultTimeout)
	c.StateEncoding = cmp.Or(c.StateEncoding, StateRaw)
	if c.Observe == nil {
		c.Observe = func(Call) {}
	}
	if c.ObserveStatus == nil {
		c.ObserveStatus = func(Status) {}
	}
	if c.ObserveClock == nil {
		c.ObserveClock = func(time.Duration) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, c.validate()
}

func (c Config) validate() error {
	for _, rule := range []struct {
		ok     bool
		remedy string
	}{
		{c.ClientID != "", "client_id is empty: set the id of an API client of the Signicat Dashboard"},
		{clean(c.ClientID), "client_id has white space around it or a control character in it: remove it"},
		{c.ClientSecret != "", "client_secret is empty: set a secret of the API client"},
		{clean(c.ClientSecret), "client_secret has white space around it or a control character in it: remove it"},
		{c.AccountID == "" || visible(c.AccountID, maxID), "account_id is not an id: copy it from the Signicat Dashboard, or leave it out"},
		{c.OrganizationID == "" || visible(c.OrganizationID, maxID), "organization_id is not an id: copy it from the Signicat Dashboard, or leave it out"},
		{validAPIURL(c.APIURL), "api_url must be https:// and a host, nothing more; http only for a loopback host"},
		{c.Timeout > 0 && c.Timeout <= MaxTimeout, "timeout must be more than 0s and at most " + MaxTimeout.String()},
		{c.StateEncoding == StateRaw || c.StateEncoding == StateEncoded, "state_encoding must be raw or encoded"},
	} {
		if !rule.ok {
			return fmt.Errorf("%w: %s", ErrConfig, rule.remedy)
		}
	}
	if remedy := checkParameters(c.Parameters); remedy != "" {
		return fmt.Errorf("%w: %s", ErrConfig, remedy)
	}
	return nil
}

// clean reports whether a text has no white space around it and no control character, such as the
// newline at the end of a file.
func clean(s string) bool {
	return s == strings.TrimSpace(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func validAPIURL(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && origin(u) != "" && raw == u.Scheme+"://"+u.Host
}

// origin returns scheme, host and port in one spelling, or "" unless the URL is https, or http
// on a loopback host, and without user info.
func origin(u *url.URL) string {
	host, port := strings.ToLower(u.Hostname()), "443"
	switch {
	case host == "" || u.User != nil:
		return ""
	case u.Scheme == "http" && loopback.Host(host):
		port = "80"
	case u.Scheme != "https":
		return ""
	}
	return u.Scheme + "://" + net.JoinHostPort(host, cmp.Or(u.Port(), port))
}
