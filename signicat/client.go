package signicat

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// Paths of the API below Config.APIURL.
const (
	accessTokenPath = "/auth/open/connect/token"
	sessionsPath    = "/auth/rest/sessions"
)

// maxID is the longest id of a session, account or organisation. Signicat's have 27 to 36 characters.
const maxID = 200

// ErrSessionID is returned when an id cannot be that of a session. No request was sent.
var ErrSessionID = errors.New("not the id of a session")

// Client calls Signicat. Create it with [New] and share it: it is safe for concurrent use.
type Client struct {
	config     Config
	transports *transports // nil when the transport is the caller's
	tokens     *tokenSource
}

// New returns a client, or an [ErrConfig] that names the field and the remedy in one line.
// It does no I/O: [Client.CheckCredentials] shows whether the credentials are right.
func New(config Config) (*Client, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{config: config}
	if config.Transport == nil {
		c.transports = newTransports(config)
	}
	c.tokens = &tokenSource{fetch: c.fetchToken, now: config.Now}
	return c, nil
}

// Close cancels a running renewal of the Signicat access token, and closes idle connections. Call it after the last
// call has returned. Its error is always nil.
func (c *Client) Close() error {
	c.tokens.stop()
	if c.transports != nil {
		c.transports.use().CloseIdleConnections()
	}
	return nil
}

// CheckCredentials requests a Signicat access token unless it has a valid one. Its errors are those of
// any call; [ErrUnauthorized] means that the credentials are wrong.
func (c *Client) CheckCredentials(ctx context.Context) error {
	_, err := c.tokens.token(ctx)
	return err
}

// TokenAccountID returns the account_id claim of the Signicat access token; empty when it cannot be
// read. It requests a token, with the errors of CheckCredentials, unless it has a valid one. It does
// not verify the token: Signicat issued it to this client.
func (c *Client) TokenAccountID(ctx context.Context) (string, error) {
	token, err := c.tokens.token(ctx)
	return token.accountID, err
}

// CreateSession starts a headless session. The caller checks the URLs in IDPData and the account.
// After [ErrUnavailable] or [ErrInvalidResponse] Signicat may have created a session all the same. It
// expires without a cancel.
func (c *Client) CreateSession(ctx context.Context, request SessionRequest) (*Session, error) {
	if request.RequestedAttributes == nil {
		request.RequestedAttributes = []string{}
	}
	request.AdditionalParameters = c.withParameters(request.AdditionalParameters)
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
// The caller checks that the answer is about that session.
func (c *Client) Session(ctx context.Context, id string) (*Session, error) {
	if !validSessionID(id) {
		return nil, &Error{Operation: OperationReadSession, Err: ErrSessionID}
	}
	return c.sessionCall(ctx, OperationReadSession, http.MethodGet, id, "", nil)
}

// CancelSession ends an open session and returns it.
// An id that cannot be one is [ErrSessionID].
// Unverified: what Signicat answers for a session that has ended.
func (c *Client) CancelSession(ctx context.Context, id string) (*Session, error) {
	if !validSessionID(id) {
		return nil, &Error{Operation: OperationCancelSession, Err: ErrSessionID}
	}
	return c.sessionCall(ctx, OperationCancelSession, http.MethodPost, id, "/cancel", nil)
}

// sessionCall calls the path of a session; with an empty id that of all sessions.
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
				if s, err = decodeSession(body); err == nil && !s.Status.known() {
					c.config.ObserveStatus(Status(word(string(s.Status))))
				}
				return err
			},
		}
	})
	return s, err
}

// selection returns the query that selects the account, as Signicat's SDK does:
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

// validSessionID reports whether an id is a path segment without a character to escape.
func validSessionID(id string) bool {
	return id != "" && len(id) <= maxID && !strings.ContainsFunc(id, func(r rune) bool { return !wordRune(r) })
}
