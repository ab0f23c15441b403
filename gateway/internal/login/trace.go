package login

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/caddy-itsme/caddy-itsme/internal/span"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// Names of spans. The spans of signicat and store/redis are below them.
const (
	spanBegin    = "gateway.begin"    // the start of a login
	spanComplete = "gateway.complete" // the finish of a login
	spanStore    = "store."           // followed by the operation of the store
)

// Attributes of spans. Their values come from fixed tables: no data of a user and no session_id.
const (
	outcomeKey = attribute.Key("itsme.login.outcome")
	reasonKey  = attribute.Key("itsme.login.reason")
)

// traced are the errors whose text a span may hold. The first that matches counts.
var traced = []error{
	ErrDenied, ErrExpired, ErrUnfinished, ErrGrant, ErrStarting, ErrStore, ErrSignicat, ErrRate, ErrUnknown, ErrConflict, ErrOpen,
}

// startSpan begins a span about a login of that kind. End it with [endSpan].
func startSpan(ctx context.Context, name string, kind store.Kind) (context.Context, trace.Span) {
	return span.Start(ctx, name, span.KindKey.String(kind.String()))
}

// endSpan ends a span. Its error type is the text of an error in traced.
func endSpan(s trace.Span, err error) { span.End(s, err, traced...) }

// endComplete ends the span of a finish. A login that the user refused, that expired or that is not finished
// is an outcome and not an error.
func endComplete(s trace.Span, record *store.Record, err error) {
	s.SetAttributes(outcomeKey.String(record.Phase.String()), reasonKey.String(record.Reason))
	for _, outcome := range []error{ErrUnfinished, ErrDenied, ErrExpired} {
		if errors.Is(err, outcome) {
			err = nil
		}
	}
	endSpan(s, err)
}
