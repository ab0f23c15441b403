package gateway

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/caddy-itsme/caddy-itsme/internal/span"
	"github.com/caddy-itsme/caddy-itsme/pending"
)

// The spans of this package. Those of signicat and pending/redis stand below them. None is begun
// for a request whose token was verified before: nothing happens there that takes time.
const (
	spanBegin    = "gateway.begin"    // a login is started
	spanComplete = "gateway.complete" // a code that came back is taken as far as it goes
	spanStore    = "pending."         // and the store's operation
)

// Attributes of ours. Their values are words of a table: nothing of a person, and no name that a
// login could be found by.
const (
	kindKey    = attribute.Key("itsme.login.kind")
	outcomeKey = attribute.Key("itsme.login.outcome")
	reasonKey  = attribute.Key("itsme.login.reason")
)

// startSpan begins a span that is about a login, or a token, of that kind. End it with [endSpan].
func startSpan(ctx context.Context, name string, kind pending.Kind) (context.Context, trace.Span) {
	return span.Start(ctx, name, kindKey.String(kindName(kind)))
}

// endSpan ends a span, with an error by the row of the table that clients see it by.
func endSpan(s trace.Span, err error) {
	known := make([]error, 0, len(failures)+1)
	for _, f := range failures {
		known = append(known, f.err)
	}
	span.End(s, err, append(known, errOpen)...)
}

// endComplete ends the span of a finish. That a person said no, took too long or is not through yet
// is an outcome, and no error.
func endComplete(s trace.Span, record *pending.Record, err error) {
	s.SetAttributes(outcomeKey.String(record.Phase.String()), reasonKey.String(record.Reason))
	for _, outcome := range []error{errUnfinished, errDenied, errExpired} {
		if errors.Is(err, outcome) {
			err = nil
		}
	}
	endSpan(s, err)
}

// endStore ends the span of a store's operation. That there is no such record, or that somebody was
// faster, is an answer, and no error: whoever sends made-up states would else paint traces red.
func endStore(s trace.Span, err error) {
	for _, answer := range []error{pending.ErrNotFound, pending.ErrExists, pending.ErrConflict} {
		if errors.Is(err, answer) {
			err = nil
		}
	}
	span.End(s, err, context.Canceled, context.DeadlineExceeded, pending.ErrFull, pending.ErrInvalid, pending.ErrUnavailable)
}
