package gateway

import (
	"errors"
	"fmt"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
)

// TestDetailIsForDevelopersAlone: a client reads what is wrong with its request, and nothing of any other error.
func TestDetailIsForDevelopersAlone(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		err  error
		want string
	}{
		"a parameter":               {requestErrorf("%s is required", "code"), "code is required"},
		"a requirement":             {fmt.Errorf("%w: min_age", identity.ErrRequirement), "min_age"},
		"two credentials":           {identity.ErrAmbiguous, "more than one Authorization header"},
		"a token":                   {wrap(identity.ErrToken, "revoked"), ""},
		"a text that only looks so": {errors.New("invalid request: the code is secret"), ""},
	} {
		if got := detail(row.err); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}
