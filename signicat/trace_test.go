package signicat_test

import (
	"context"
	"maps"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// traced returns a context whose spans are recorded.
func traced(t *testing.T) (context.Context, *tracetest.SpanRecorder) {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder))
	ctx, parent := provider.Tracer("server").Start(t.Context(), "request")
	t.Cleanup(func() { parent.End() })
	return ctx, recorder
}

// described is what a span says.
func described(s trace.ReadOnlySpan) map[string]string {
	said := map[string]string{"name": s.Name(), "kind": s.SpanKind().String()}
	if s.Status().Code == codes.Error {
		said["status"] = s.Status().Description
	}
	for _, a := range s.Attributes() {
		if a.Key != "server.port" { // a free one
			said[string(a.Key)] = a.Value.String()
		}
	}
	return said
}

func TestSpanDescribesACall(t *testing.T) {
	t.Parallel()
	body := func(status int, mediaType, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", mediaType)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}
	}
	read := map[string]string{
		"name": "signicat.read_session", "kind": "client", "server.address": "127.0.0.1",
		"http.request.method": "GET", "url.template": "/auth/rest/sessions/{id}",
	}
	for name, row := range map[string]struct {
		session http.HandlerFunc
		more    map[string]string
	}{
		"that succeeds": {answerSession, map[string]string{"http.response.status_code": "200"}},
		"that Signicat refuses": {
			body(http.StatusBadRequest, "application/problem+json", `{"code":"bad_thing","traceId":"0HN7","detail":"`+personNIN+`"}`),
			map[string]string{
				"http.response.status_code": "400", "signicat.error_code": "bad_thing", "signicat.trace_id": "0HN7",
				"error.type": "rejected by Signicat", "status": "rejected by Signicat",
			},
		},
		"whose answer cannot be used": {
			body(http.StatusOK, "application/json", `{"id":"`+personNIN+`"}`),
			map[string]string{"http.response.status_code": "200", "error.type": "invalid response", "status": "invalid response"},
		},
		"whose connection breaks": {
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			map[string]string{"error.type": "unavailable", "status": "unavailable"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, recorder := traced(t)
			client, _ := newClient(t, &server{session: row.session})
			_, _ = client.Session(ctx, sessionID) // what it returns, other tests look at
			want := map[string]string{}
			for _, part := range []map[string]string{read, row.more} {
				maps.Copy(want, part)
			}
			ended := recorder.Ended()
			if len(ended) != 2 || ended[0].Name() != "signicat."+signicat.OperationAccessToken {
				t.Fatalf("%d spans, want one of the access token and one of the read", len(ended))
			}
			if diff := cmp.Diff(want, described(ended[1])); diff != "" {
				t.Errorf("the span differs (-want +got):\n%s", diff)
			}
		})
	}
}
