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

// ErrTokenRequestURL is returned when a token request URL is not on Signicat's API: the Signicat
// access token would go to somebody else. Nothing was sent.
var ErrTokenRequestURL = errors.New("token request URL is not on Signicat's API")

// CodeValidation is what itsme's code is validated with.
type CodeValidation struct {
	// TokenRequestURL is the session's, of IDPData. Required.
	TokenRequestURL string
	// TransactionID is the session's, of IDPData. Required.
	TransactionID string
	// AccountID is the session's. Empty leaves the header out.
	AccountID string
	// Code is what came back on the redirect URL. Required.
	Code string
	// State is what came back beside it, decoded, and compared by the caller. Required.
	State string
}

// ValidateCode sends a code to Signicat, which accepts it once. Nil means that Signicat accepted
// it: the session becomes SUCCESS, and carries the person.
//
// [ErrRejected] and [ErrNotFound] are final for this code. [ErrUnauthorized] and [ErrForbidden]
// are about the credentials. After [ErrUnavailable], [ErrRateLimited] and [ErrInvalidResponse] it
// is unknown whether Signicat used the code. [ErrTokenRequestURL] means that nothing was sent.
//
// Nil needs a 200 or 204 with no body, or with one JSON object. Any other 2xx, such as 202 or a
// web page, is [ErrInvalidResponse]: a proxy in between may have written it.
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

// checkAccepted reports whether a 2xx for a code is Signicat's own.
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
// Whoever could choose the URL would get the Signicat access token, with the code and its state.
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

// validationURL is the token request URL as it came, with the organisation for its API clients:
// Signicat's own SDK sends query and header with every call. Unverified: whether this call needs them.
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

// encodeState writes the state as Config.StateEncoding says.
func (c *Client) encodeState(state string) string {
	if c.config.StateEncoding == StateEncoded {
		return strings.ReplaceAll(url.QueryEscape(state), "+", "%20")
	}
	return state
}
