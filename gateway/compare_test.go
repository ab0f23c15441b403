package gateway

import (
	"fmt"

	"github.com/google/go-cmp/cmp"

	engine "github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/pending"
)

// Every scenario of this package runs the transition table beside the code that it replaces.
func init() {
	engine.Compare = func(before, old, table pending.Record, err error) {
		if diff := cmp.Diff(old, table); diff != "" || err != nil {
			panic(fmt.Sprintf("from %s, the table makes another record (-code +table), %v:\n%s", before.Phase, err, diff))
		}
	}
}
