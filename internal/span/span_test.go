package span_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/caddy-itsme/caddy-itsme/internal/span"
)

var errSentinel = errors.New("sentinel")

// traced returns a context with a span of a provider that is not the global one.
func traced(t *testing.T) (context.Context, *tracetest.SpanRecorder) {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder))
	ctx, parent := provider.Tracer("server").Start(t.Context(), "request")
	t.Cleanup(func() { parent.End() })
	return ctx, recorder
}

func TestSpanIsRecordedByTheContextsProvider(t *testing.T) {
	t.Parallel()
	ctx, recorder := traced(t)
	outer, first := span.Start(ctx, "outer", attribute.String("key", "value"))
	_, second := span.Start(outer, "inner")
	span.End(second, nil)
	span.End(first, nil)

	ended := recorder.Ended()
	if len(ended) != 2 || ended[0].Name() != "inner" || ended[1].Name() != "outer" {
		t.Fatalf("%d spans ended, want inner and outer", len(ended))
	}
	if ended[0].Parent().SpanID() != ended[1].SpanContext().SpanID() {
		t.Error("inner is not a child of outer")
	}
	if got := ended[1].InstrumentationScope().Name; got != span.Scope {
		t.Errorf("scope = %q, want %q", got, span.Scope)
	}
	if diff := cmp.Diff([]attribute.KeyValue{attribute.String("key", "value")}, ended[1].Attributes(), cmp.AllowUnexported(attribute.Value{})); diff != "" {
		t.Errorf("attributes differ (-want +got):\n%s", diff)
	}
	if got := ended[1].Status().Code; got != codes.Unset {
		t.Errorf("status = %v, want unset", got)
	}
}

func TestErrorIsRecordedByItsClassOnly(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		err  error
		want string
	}{
		"a known sentinel":      {fmt.Errorf("reading secret-7: %w", errSentinel), "sentinel"},
		"one of several":        {errors.Join(errors.New("secret-7"), errSentinel), "sentinel"},
		"a context's end":       {fmt.Errorf("secret-7: %w", context.DeadlineExceeded), "context deadline exceeded"},
		"a type of its own":     {fmt.Errorf("secret-7: %w", &net.DNSError{Name: "secret-7"}), "*net.DNSError"},
		"text and nothing else": {errors.New("secret-7"), "_OTHER"},
		"wrapped text":          {fmt.Errorf("secret-7: %w", errors.New("secret-7")), "_OTHER"},
		"joined text":           {errors.Join(errors.New("secret-7")), "_OTHER"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, recorder := traced(t)
			_, s := span.Start(ctx, "work")
			span.End(s, row.err, errSentinel)
			ended := recorder.Ended()[0]
			if got := ended.Status(); got.Code != codes.Error || got.Description != row.want {
				t.Errorf("status = %v %q, want an error %q", got.Code, got.Description, row.want)
			}
			if diff := cmp.Diff([]attribute.KeyValue{span.TypeKey.String(row.want)}, ended.Attributes(), cmp.AllowUnexported(attribute.Value{})); diff != "" {
				t.Errorf("attributes differ (-want +got):\n%s", diff)
			}
			if len(ended.Events()) != 0 {
				t.Errorf("%d events, want none: an exception event holds the text", len(ended.Events()))
			}
		})
	}
}

func TestNothingIsRecordedWithoutASpan(t *testing.T) {
	t.Parallel()
	ctx, s := span.Start(t.Context(), "work")
	span.End(s, errSentinel)
	if s.IsRecording() || s.SpanContext().IsValid() {
		t.Error("a span without a provider was recorded")
	}
	if ctx == nil {
		t.Error("no context")
	}
}
