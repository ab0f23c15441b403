package login

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/trace"

	"github.com/caddy-itsme/caddy-itsme/internal/span"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/observed"
)

// Traced returns a store whose operations have spans.
func Traced(st store.Store) store.Store {
	return observed.Store(st, func(ctx context.Context, operation string) (context.Context, func(error)) {
		ctx, s := span.Start(ctx, spanStore+operation)
		return ctx, func(err error) { endStore(s, err) }
	})
}

// endStore ends the span of a store's operation. An unknown record or a lost race is an answer and not an
// error: otherwise clients that send made-up states would fill traces with errors.
func endStore(s trace.Span, err error) {
	for _, answer := range []error{store.ErrNotFound, store.ErrExists, store.ErrConflict} {
		if errors.Is(err, answer) {
			err = nil
		}
	}
	span.End(s, err, context.Canceled, context.DeadlineExceeded, store.ErrFull, store.ErrInvalid, store.ErrUnavailable)
}
