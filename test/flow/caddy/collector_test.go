package caddy_test

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector is an OTLP receiver over HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp).
type collector struct {
	t testing.TB

	mu    sync.Mutex
	raw   []byte
	spans []collectedSpan
}

// collectedSpan is an exported span, with its IDs in hex.
type collectedSpan struct {
	*tracepb.Span
	trace, id, parent string
}

// collect starts an OTLP receiver, and points the exporters of this process to it.
func collect(t *testing.T) *collector {
	t.Helper()
	c := &collector{t: t}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL,
		"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
		"OTEL_BSP_SCHEDULE_DELAY":     "10",
		"OTEL_PROPAGATORS":            "tracecontext,baggage,b3multi",
		"OTEL_TRACES_SAMPLER":         "always_on",
	} {
		t.Setenv(name, value)
	}
	return c
}

// ServeHTTP implements http.Handler.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var request collectorpb.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		c.t.Errorf("%s is no export of traces: %v", r.URL.Path, err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, body...)
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, collectedSpan{
					s, hex.EncodeToString(s.GetTraceId()), hex.EncodeToString(s.GetSpanId()), hex.EncodeToString(s.GetParentSpanId()),
				})
			}
		}
	}
}

// bytes returns everything that was exported.
func (c *collector) bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.raw)
}

// named returns the spans whose name has a prefix.
func (c *collector) named(prefix string) (found []collectedSpan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if strings.HasPrefix(s.GetName(), prefix) {
			found = append(found, s)
		}
	}
	return found
}

// trees returns the names of all spans, each below its parent, in the order in which they began. A Redis
// script has its name beside that of the command.
func (c *collector) trees() string {
	return c.draw(func(s collectedSpan) string {
		for _, a := range s.GetAttributes() {
			if a.GetKey() == "db.stored_procedure.name" {
				return s.GetName() + " " + a.GetValue().GetStringValue()
			}
		}
		return s.GetName()
	})
}

// described returns the trees with every attribute.
func (c *collector) described() string {
	return c.draw(func(s collectedSpan) string {
		text := s.GetName()
		for _, a := range s.GetAttributes() {
			text += fmt.Sprintf(" %s=%s", a.GetKey(), value(a.GetValue()))
		}
		if message := s.GetStatus().GetMessage(); message != "" {
			text += " status=" + message
		}
		return text
	})
}

func value(v *commonpb.AnyValue) string {
	if _, ok := v.GetValue().(*commonpb.AnyValue_IntValue); ok {
		return fmt.Sprint(v.GetIntValue())
	}
	return v.GetStringValue()
}

func (c *collector) draw(line func(collectedSpan) string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	spans := slices.SortedStableFunc(slices.Values(c.spans), func(a, b collectedSpan) int {
		return cmp.Compare(a.GetStartTimeUnixNano(), b.GetStartTimeUnixNano())
	})
	var text strings.Builder
	var below func(parent string, depth int)
	below = func(parent string, depth int) {
		children := slices.DeleteFunc(slices.Clone(spans), func(s collectedSpan) bool { return s.parent != parent })
		sortTogether(children, line)
		for _, s := range children {
			text.WriteString(strings.Repeat("  ", depth) + line(s) + "\n")
			below(s.id, depth+1)
		}
	}
	below("", 0)
	return text.String()
}

// sortTogether sorts spans of the store, and of Redis, that follow one another: what is sent together begins
// in any order.
func sortTogether(spans []collectedSpan, line func(collectedSpan) string) {
	kind := func(s collectedSpan) string {
		kind, _, _ := strings.Cut(s.GetName(), ".")
		return kind
	}
	for begin := 0; begin < len(spans); {
		end := begin + 1
		for end < len(spans) && kind(spans[end]) == kind(spans[begin]) {
			end++
		}
		if k := kind(spans[begin]); k == "store" || k == "redis" {
			slices.SortStableFunc(spans[begin:end], func(a, b collectedSpan) int { return cmp.Compare(line(a), line(b)) })
		}
		begin = end
	}
}
