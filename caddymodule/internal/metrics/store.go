package metrics

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/observed"
)

// storeOK is the outcome of an operation that succeeded. storeOther is the outcome of an error that package
// store does not name.
const (
	storeOK    = "ok"
	storeOther = "other"
)

// storeOutcomes are the label values of operations that failed.
var storeOutcomes = []struct {
	err  error
	word string
}{
	{store.ErrNotFound, "not_found"},
	{store.ErrExists, "exists"},
	{store.ErrConflict, "conflict"},
	{store.ErrFull, "full"},
	{store.ErrInvalid, "invalid"},
	{store.ErrUnavailable, "unavailable"},
	{context.Canceled, "abandoned"},
	{context.DeadlineExceeded, "timeout"},
}

func storeOutcome(err error) string {
	if err == nil {
		return storeOK
	}
	for _, o := range storeOutcomes {
		if errors.Is(err, o.err) {
			return o.word
		}
	}
	return storeOther
}

// Store returns a store whose operations are timed.
func (m *Meter) Store(s store.Store) store.Store { return observed.Store(s, m.operation) }

// operation records the duration and the outcome of an operation.
func (m *Meter) operation(ctx context.Context, name string) (context.Context, func(error)) {
	began := time.Now()
	return ctx, func(err error) {
		m.operations.WithLabelValues(name, storeOutcome(err)).Observe(time.Since(began).Seconds())
	}
}
