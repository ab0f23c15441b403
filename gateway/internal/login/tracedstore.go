package login

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/trace"

	"github.com/caddy-itsme/caddy-itsme/internal/span"
	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/pending/observed"
)

// Traced returns a store whose operations have spans.
func Traced(store pending.Store) pending.Store {
	return observed.Store(store, func(ctx context.Context, operation string) (context.Context, func(error)) {
		ctx, s := span.Start(ctx, spanStore+operation)
		return ctx, func(err error) { endStore(s, err) }
	})
}

// endStore ends the span of a store's operation. An unknown record, or another replica that was
// faster, is an answer and no error: clients that send made-up states would else paint traces red.
func endStore(s trace.Span, err error) {
	for _, answer := range []error{pending.ErrNotFound, pending.ErrExists, pending.ErrConflict} {
		if errors.Is(err, answer) {
			err = nil
		}
	}
	span.End(s, err, context.Canceled, context.DeadlineExceeded, pending.ErrFull, pending.ErrInvalid, pending.ErrUnavailable)
}
