package signicat_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

func TestErrorText(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]signicat.Error{
		"reading session: unavailable": {
			Operation: signicat.OperationReadSession, Err: signicat.ErrUnavailable, RetryAfter: time.Second,
		},
		"creating session: permission refused, status 403": {
			Operation: signicat.OperationCreateSession, StatusCode: 403, Err: signicat.ErrForbidden,
		},
		"validating code: rejected by Signicat, status 400, code invalid_request, trace 4bf239c0": {
			Operation: signicat.OperationValidateCode, StatusCode: 400, Code: "invalid_request", TraceID: "4bf239c0",
			Err: signicat.ErrRejected,
		},
		"cancelling session: invalid response: not JSON, status 200": {
			Operation: signicat.OperationCancelSession, StatusCode: 200,
			Err: fmt.Errorf("%w: not JSON", signicat.ErrInvalidResponse),
		},
		"asking for a Signicat access token: credentials refused, status 400, code invalid_client": {
			Operation: signicat.OperationAccessToken, StatusCode: 400, Code: "invalid_client", Err: signicat.ErrUnauthorized,
		},
		"calling Signicat: not known to Signicat": {Err: signicat.ErrNotFound},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
