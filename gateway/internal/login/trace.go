package login

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/caddy-itsme/caddy-itsme/internal/span"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// The spans of this package. Those of signicat and store/redis stand below them.
const (
	spanBegin    = "gateway.begin"    // a login is started
	spanComplete = "gateway.complete" // a code that came back is taken as far as it goes
	spanStore    = "store."           // and the store's operation
)

// Attributes of ours. Their values are words of a table: nothing of a user, and no name that a
// login could be found by.
const (
	outcomeKey = attribute.Key("itsme.login.outcome")
	reasonKey  = attribute.Key("itsme.login.reason")
)

// traced are the errors that a span names by their text; the first that matches counts.
var traced = []error{
	ErrDenied, ErrExpired, ErrUnfinished, ErrGrant, ErrStarting, ErrStore, ErrSignicat, ErrRate, ErrUnknown, ErrConflict, ErrOpen,
}

// startSpan begins a span about a login of that kind. End it with [endSpan].
func startSpan(ctx context.Context, name string, kind store.Kind) (context.Context, trace.Span) {
	return span.Start(ctx, name, span.KindKey.String(kind.String()))
}

// endSpan ends a span, with the text of an error in traced.
func endSpan(s trace.Span, err error) { span.End(s, err, traced...) }

// endComplete ends the span of a finish. A login that the user refused, that took too long or that is
// not finished yet is an outcome, and no error.
func endComplete(s trace.Span, record *store.Record, err error) {
	s.SetAttributes(outcomeKey.String(record.Phase.String()), reasonKey.String(record.Reason))
	for _, outcome := range []error{ErrUnfinished, ErrDenied, ErrExpired} {
		if errors.Is(err, outcome) {
			err = nil
		}
	}
	endSpan(s, err)
}
