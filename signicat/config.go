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
	// DefaultTimeout is how long one call may take.
	DefaultTimeout = 10 * time.Second
	// MaxTimeout is the longest that one call may be given.
	MaxTimeout = time.Minute
	// MaxBody is how many bytes of an answer are read. A session is some 2 KiB.
	MaxBody = 1 << 20
)

// StateEncoding is how the state is written in the validation call.
//
// Unverified: which of the two Signicat expects. Its sample shows the encoded form, its text says
// "the state value returned by the itsme app".
type StateEncoding string

const (
	// StateRaw sends the state as it was after decoding the redirect URL's query. The default.
	StateRaw StateEncoding = "raw"
	// StateEncoded sends it percent-encoded, with %3A for its colon, as in Signicat's sample.
	StateEncoded StateEncoding = "encoded"
)

// ErrConfig is returned by [New] when a field of Config is missing or cannot be right.
var ErrConfig = errors.New("signicat configuration")

// Config is what a [Client] needs to know. Secrets in it never show up in an error.
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
	// StateEncoding is how the state is written in the validation call. Default [StateRaw].
	StateEncoding StateEncoding
	// PropagateTrace sends Signicat a traceparent header (W3C Trace Context) with every call that is
	// traced: the ids of the trace and of the call in it. No tracestate and no baggage, which may hold
	// what somebody else put into them. False, the default, sends nothing.
	// Unverified: whether Signicat reads it.
	PropagateTrace bool
	// DialContext connects to Signicat. Nil: a [net.Dialer] that gives up after Timeout.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// RootCAs verify Signicat's certificate. Nil: those of the system, or of the file that the
	// environment variable SSL_CERT_FILE names, as in crypto/x509.
	RootCAs *x509.CertPool
	// Transport carries the calls and stays the caller's to close; DialContext and RootCAs are then
	// ignored. Nil, as it should be in production: a transport of the client's own. That one takes its
	// proxy from the environment as net/http does, and uses no HTTP/2 connection that went silent:
	// it closes one that does not answer a PING for half of Timeout, and no call follows one that
	// timed out over a connection that answered nothing meanwhile.
	Transport http.RoundTripper
	// Observe is told of every call that is over, on the way of its answer. It returns at once.
	// Nil tells nobody.
	Observe func(Call)
	// ObserveClock receives how far this machine's clock is ahead of Signicat's, by the Date of each
	// answer. It is exact to a second and half of the time that the call took. Nil is ignored.
	ObserveClock func(ahead time.Duration)
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// withDefaults returns the configuration in force, or an error that names field and remedy.
func (c Config) withDefaults() (Config, error) {
	if c.APIURL == "" {
		c.APIURL = DefaultAPIURL
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.StateEncoding == "" {
		c.StateEncoding = StateRaw
	}
	if c.Observe == nil {
		c.Observe = func(Call) {}
	}
	if c.ObserveClock == nil {
		c.ObserveClock = func(time.Duration) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.APIURL = strings.TrimSuffix(c.APIURL, "/")
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
	return nil
}

// clean finds the newline that a secret read from a file ends in.
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
