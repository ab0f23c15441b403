package signicat

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/loopback"
)

// Paths of the API below Config.APIURL.
const (
	accessTokenPath = "/auth/open/connect/token"
	sessionsPath    = "/auth/rest/sessions"
)

// maxID is the longest id of a session, account or organisation. Signicat's have 27 to 36 characters.
const maxID = 200

// ErrSessionID is returned when an id cannot be that of a session. Nothing was sent.
var ErrSessionID = errors.New("not the id of a session")

// Client calls Signicat. Make one with [New] and share it: it is safe for concurrent use.
type Client struct {
	config    Config
	transport http.RoundTripper
	own       *http.Transport // the transport to close; nil when it is the caller's
	tokens    *tokenSource
}

// New returns a client, or an [ErrConfig] that names the field and the remedy in one line.
// It does no I/O: whether the credentials are right, CheckCredentials tells.
func New(config Config) (*Client, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{config: config, transport: config.Transport}
	if c.transport == nil {
		c.own = newTransport(config.Timeout)
		c.transport = c.own
	}
	c.tokens = &tokenSource{fetch: c.fetchToken, now: config.Now}
	return c, nil
}

// idleTimeout is shorter than load balancers keep connections: net/http does not send a POST again
// whose connection was being closed, and to us its answer would be lost.
const idleTimeout = 30 * time.Second

// newTransport returns a transport with bounds that one API host needs: answers of Signicat have
// small headers, and a dial that outlives its call must end by itself.
func newTransport(timeout time.Duration) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            loopback.Dialer(timeout),
		TLSHandshakeTimeout:    timeout,
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        256,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// Close ends a renewal of the Signicat access token that is still going on, and closes idle
// connections. Call it after the last call has returned. Its error is always nil.
func (c *Client) Close() error {
	c.tokens.stop()
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
	return nil
}

// CheckCredentials asks for a Signicat access token unless a good one is at hand. Its errors are
// those of any call; [ErrUnauthorized] says that the credentials are wrong.
func (c *Client) CheckCredentials(ctx context.Context) error {
	_, err := c.tokens.token(ctx)
	return err
}

// TokenAccountID returns the account that the Signicat access token names in its account_id claim;
// empty when that cannot be read. It asks for a token, with the errors of CheckCredentials, unless
// a good one is at hand. Nothing is verified: it is Signicat's word about its own client.
func (c *Client) TokenAccountID(ctx context.Context) (string, error) {
	token, err := c.tokens.token(ctx)
	return token.accountID, err
}

// CreateSession starts a headless session. The answer's IDPData tells where the person goes;
// whether its URLs can be trusted, and whether the account is the right one, the caller checks.
// After [ErrUnavailable] or [ErrInvalidResponse] Signicat may have a session that nobody knows:
// it expires by itself.
func (c *Client) CreateSession(ctx context.Context, request SessionRequest) (*Session, error) {
	if request.RequestedAttributes == nil {
		request.RequestedAttributes = []string{}
	}
	body, err := json.Marshal(struct {
		Flow string `json:"flow"`
		SessionRequest
	}{"headless", request})
	if err != nil {
		return nil, &Error{Operation: OperationCreateSession, Err: err}
	}
	return c.sessionCall(ctx, OperationCreateSession, http.MethodPost, "", "", body)
}

// Session reads a session. An id that cannot be one is [ErrSessionID].
// Whether the answer is the session asked for, the caller checks.
func (c *Client) Session(ctx context.Context, id string) (*Session, error) {
	if !validSessionID(id) {
		return nil, &Error{Operation: OperationReadSession, Err: ErrSessionID}
	}
	return c.sessionCall(ctx, OperationReadSession, http.MethodGet, id, "", nil)
}

// CancelSession ends a session that is still open and returns what became of it.
// An id that cannot be one is [ErrSessionID].
// Unverified: what Signicat answers for a session that has ended already.
func (c *Client) CancelSession(ctx context.Context, id string) (*Session, error) {
	if !validSessionID(id) {
		return nil, &Error{Operation: OperationCancelSession, Err: ErrSessionID}
	}
	return c.sessionCall(ctx, OperationCancelSession, http.MethodPost, id, "/cancel", nil)
}

// sessionCall makes a call about the session of that id, or about all of them where it is empty.
func (c *Client) sessionCall(ctx context.Context, operation, method, id, action string, body []byte) (*Session, error) {
	path, template := sessionsPath, sessionsPath
	if id != "" {
		path, template = path+"/"+id+action, template+"/{id}"+action
	}
	var s *Session
	err := c.authorized(ctx, func(token accessToken) call {
		return call{
			operation: operation,
			method:    method,
			url:       c.config.APIURL + path + c.selection(token),
			template:  template,
			header:    c.organizationHeader(),
			body:      body,
			decode: func(body []byte) (err error) {
				s, err = decodeSession(body)
				return err
			},
		}
	})
	return s, err
}

// selection is the query that selects the account, as Signicat's own SDK writes it:
// https://github.com/signicat/signicat-net
func (c *Client) selection(token accessToken) string {
	query := url.Values{}
	if c.config.AccountID != "" {
		query.Set("signicat-accountId", c.config.AccountID)
	} else if token.accountID != "" {
		query.Set("signicat-accountId", token.accountID)
	}
	if c.config.OrganizationID != "" {
		query.Set("signicat-organizationId", c.config.OrganizationID)
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}

func (c *Client) organizationHeader() http.Header {
	header := http.Header{}
	if c.config.OrganizationID != "" {
		header.Set("Signicat-OrganizationId", c.config.OrganizationID)
	}
	return header
}

// validSessionID keeps a path segment from becoming a path: nothing in it needs escaping.
func validSessionID(id string) bool {
	return id != "" && len(id) <= maxID && !strings.ContainsFunc(id, func(r rune) bool { return !wordRune(r) })
}
