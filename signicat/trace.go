package signicat

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/caddy-itsme/caddy-itsme/internal/span"
)

// The attributes of a failed call that Signicat's support asks for.
const (
	traceIDKey = attribute.Key("signicat.trace_id")
	codeKey    = attribute.Key("signicat.error_code")
)

// startSpan begins the span of one request, such as signicat.read_session. It has OpenTelemetry's
// attributes of an HTTP client, except url.full: a URL names a session.
// Source: https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span.
func (c *Client) startSpan(ctx context.Context, request call) (context.Context, trace.Span) {
	attributes := []attribute.KeyValue{semconv.HTTPRequestMethodKey.String(request.method)}
	if request.template != "" {
		attributes = append(attributes, semconv.URLTemplate(request.template))
	}
	if u, err := url.Parse(request.url); err == nil {
		attributes = append(attributes, semconv.ServerAddress(u.Hostname()), semconv.ServerPort(port(u)))
	}
	return span.StartClient(ctx, "signicat."+request.operation, attributes...)
}

// propagate writes the traceparent header (https://www.w3.org/TR/trace-context/) of a traced call. It
// does not send tracestate: the client of the request may have written it.
func propagate(ctx context.Context, header http.Header) {
	current := trace.SpanContextFromContext(ctx).WithTraceState(trace.TraceState{})
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(ctx, current), propagation.HeaderCarrier(header))
}

// port returns the port of an http or https URL.
func port(u *url.URL) int {
	n, err := strconv.Atoi(u.Port())
	switch {
	case err == nil:
		return n
	case u.Scheme == "http":
		return 80
	}
	return 443
}

// endSpan ends the span of a request. Its error has our words, and no text of Signicat.
func endSpan(s trace.Span, err error) {
	if failure, ok := errors.AsType[*Error](err); ok && s.IsRecording() {
		for key, text := range map[attribute.Key]string{traceIDKey: failure.TraceID, codeKey: failure.Code} {
			if text != "" {
				s.SetAttributes(key.String(text))
			}
		}
	}
	known := []error{context.Canceled, context.DeadlineExceeded} // first: the end of the context is the cause
	for _, o := range outcomes {
		known = append(known, o.err)
	}
	span.End(s, err, known...)
}
