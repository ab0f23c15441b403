package signicat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// ErrTokenRequestURL is returned when a token request URL is not on Signicat's API: another server
// would get the Signicat access token. No request was sent.
var ErrTokenRequestURL = errors.New("token request URL is not on Signicat's API")

// CodeValidation holds itsme's code and what Signicat validates it with.
type CodeValidation struct {
	// TokenRequestURL is the session's, of IDPData. Required.
	TokenRequestURL string
	// TransactionID is the session's, of IDPData. Required.
	TransactionID string
	// AccountID is the session's. Empty leaves the header out.
	AccountID string
	// Code is the code on the redirect URL. Required.
	Code string
	// State is the decoded state on the redirect URL. The caller compares it before. Required.
	State string
}

// ValidateCode sends a code to Signicat, which accepts it once. Nil means that Signicat accepted it: the
// session becomes SUCCESS, with the user as its subject.
//
// [ErrRejected] and [ErrNotFound] are final for this code. [ErrUnauthorized] and [ErrForbidden]
// are about the credentials. After [ErrUnavailable], [ErrRateLimited] and [ErrInvalidResponse] it
// is unknown whether Signicat used the code. After [ErrTokenRequestURL] no request was sent.
//
// Nil needs a 200 or 204 with no body, or with one JSON object. Any other 2xx, such as 202 or a
// web page, is [ErrInvalidResponse]: a proxy may have sent it.
//
// Unverified: which 2xx Signicat answers, and whether with a body.
func (c *Client) ValidateCode(ctx context.Context, v CodeValidation) error {
	if err := c.CheckTokenRequestURL(v.TokenRequestURL); err != nil {
		return &Error{Operation: OperationValidateCode, Err: err}
	}
	body, err := json.Marshal(struct {
		Code          string `json:"code"`
		State         string `json:"state"`
		TransactionID string `json:"transactionId"`
	}{v.Code, c.encodeState(v.State), v.TransactionID})
	if err != nil {
		return &Error{Operation: OperationValidateCode, Err: err}
	}
	return c.authorized(ctx, func(accessToken) call {
		header := c.organizationHeader()
		if v.AccountID != "" {
			header.Set("Signicat-AccountId", v.AccountID)
		}
		return call{
			operation: OperationValidateCode,
			method:    http.MethodPost,
			url:       c.validationURL(v.TokenRequestURL),
			header:    header,
			body:      body,
		}
	})
}

// checkAccepted returns [ErrInvalidResponse] for a 2xx that is not Signicat's.
func checkAccepted(status int, mediaType string, body []byte) error {
	switch {
	case status != http.StatusOK && status != http.StatusNoContent:
		return fmt.Errorf("%w: neither 200 nor 204", ErrInvalidResponse)
	case webPage(mediaType):
		return fmt.Errorf("%w: a web page", ErrInvalidResponse)
	case len(body) == 0:
		return nil
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil || object == nil {
		return fmt.Errorf("%w: neither empty nor a JSON object", ErrInvalidResponse)
	}
	return nil
}

// CheckTokenRequestURL returns [ErrTokenRequestURL] unless the URL has the scheme, host and port
// of Config.APIURL, or is on api.signicat.com when Config.APIURL is a host under signicat.com.
// An attacker who could choose the URL would get the Signicat access token, the code and its state.
func (c *Client) CheckTokenRequestURL(tokenRequestURL string) error {
	u, err := url.Parse(tokenRequestURL)
	if err != nil {
		return ErrTokenRequestURL
	}
	api, err := url.Parse(c.config.APIURL)
	if err != nil {
		return ErrTokenRequestURL
	}
	switch asked := origin(u); {
	case asked == "":
		return ErrTokenRequestURL
	case asked == origin(api):
		return nil
	case asked == "https://api.signicat.com:443" && strings.HasSuffix(strings.ToLower(api.Hostname()), ".signicat.com"):
		return nil
	default:
		return ErrTokenRequestURL
	}
}

// validationURL returns the token request URL, with the organisation for its API clients: Signicat's SDK
// sends query and header with every call. Unverified: whether this call needs them.
func (c *Client) validationURL(tokenRequestURL string) string {
	u, err := url.Parse(tokenRequestURL)
	if err != nil || c.config.OrganizationID == "" {
		return tokenRequestURL
	}
	query := u.Query()
	query.Set("signicat-organizationId", c.config.OrganizationID)
	u.RawQuery = query.Encode()
	return u.String()
}

// encodeState returns the state in the form of Config.StateEncoding.
func (c *Client) encodeState(state string) string {
	if c.config.StateEncoding == StateEncoded {
		return strings.ReplaceAll(url.QueryEscape(state), "+", "%20")
	}
	return state
}
