// Package span starts and ends spans.
//
// It takes the tracer from the span in the context and never the global one: Caddy's tracing directive does
// not publish its provider, so otel.Tracer would record nothing. Without a span in the context it records
// nothing.
package span

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Scope is the instrumentation scope of every span.
const Scope = "github.com/caddy-itsme/caddy-itsme"

// TypeKey is the attribute that classifies an error.
// Source: https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/
const TypeKey = attribute.Key("error.type")

// KindKey is the attribute that says whether the login or token of a span belongs to an app or a browser.
const KindKey = attribute.Key("itsme.login.kind")

// other is the class of an error whose text and type a span must not hold.
const other = "_OTHER"

// Start begins a span under the one in the context. The caller ends it with [End].
func Start(ctx context.Context, name string, attributes ...attribute.KeyValue) (context.Context, trace.Span) {
	return start(ctx, name, trace.SpanKindInternal, attributes)
}

// StartClient is [Start] for a call to another service, which trace viewers mark.
func StartClient(ctx context.Context, name string, attributes ...attribute.KeyValue) (context.Context, trace.Span) {
	return start(ctx, name, trace.SpanKindClient, attributes)
}

func start(ctx context.Context, name string, kind trace.SpanKind, attributes []attribute.KeyValue) (context.Context, trace.Span) {
	tracer := trace.SpanFromContext(ctx).TracerProvider().Tracer(Scope)
	return tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attributes...))
}

// End ends a span. It records the class of an error and never its text, which may hold data from outside. The
// class is the text of the first error in known that matches, else the type of the innermost cause.
func End(span trace.Span, err error, known ...error) {
	if err != nil && span.IsRecording() {
		kind := class(err, known)
		span.SetAttributes(TypeKey.String(kind))
		span.SetStatus(codes.Error, kind)
	}
	span.End()
}

// class returns one of few words for an error.
func class(err error, known []error) string {
	for _, sentinel := range slices.Concat(known, []error{context.Canceled, context.DeadlineExceeded}) {
		if errors.Is(err, sentinel) {
			return sentinel.Error()
		}
	}
	for cause := errors.Unwrap(err); cause != nil; cause = errors.Unwrap(err) {
		err = cause
	}
	switch name := fmt.Sprintf("%T", err); name {
	case "*errors.errorString", "*errors.joinError", "*fmt.wrapError", "*fmt.wrapErrors":
		return other
	default:
		return name
	}
}
