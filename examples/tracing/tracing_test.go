// Package tracing_test checks that the gateway's traces reach a collector.
package tracing_test

import (
	"bytes"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	_ "github.com/caddy-itsme/caddy-itsme" // what the Caddyfile names
	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
)

const (
	clientsTrace = "0af7651916cd43dd8448eb211c80319c"
	clientsCode  = "the-code-on-the-redirect-url"
)

// TestSpanHoldsNoCodeAndNoTraceOfTheClient runs the Caddyfile, opens a redirect URL as a client that
// asks to be traced, and reads what the collector gets.
func TestSpanHoldsNoCodeAndNoTraceOfTheClient(t *testing.T) {
	exported := make(chan []byte, 16)
	otlp := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // a cut body lacks what is looked for
		exported <- body
	}))
	t.Cleanup(otlp.Close)
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.URL, "OTEL_BSP_SCHEDULE_DELAY": "10",
		"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "1",
		"SIGNICAT_CLIENT_ID": "id", "SIGNICAT_CLIENT_SECRET": "secret",
	} {
		t.Setenv(name, value)
	}
	caddyfile := strings.NewReplacer("https://app.example.be", "http://"+caddytest.Address, "app.example.be", "http://"+caddytest.Address)
	server := caddytest.Run(t, caddyfile.Replace(string(read(t, "Caddyfile"))))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/itsme/callback?state=s&code="+clientsCode, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Traceparent", "00-"+clientsTrace+"-b7ad6b7169203331-01")
	answer, err := server.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	var span []byte
	for !bytes.Contains(span, []byte("/itsme/callback")) { // those of the gateway come before the request's
		span = append(span, <-exported...)
	}
	id, err := hex.DecodeString(clientsTrace)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(span, id) || bytes.Contains(span, []byte(clientsCode)) {
		t.Errorf("the span holds the client's trace id or code: %q", span)
	}
}

// collector is the part of a Collector's configuration that the test reads. The Collector's own loader does not
// check the file.
type collector struct {
	Receivers struct {
		OTLP struct {
			Protocols struct {
				HTTP struct{ Endpoint string }
			}
		}
	}
	Processors map[string]struct {
		Actions []struct{ Key, Pattern, Action string }
	}
	Exporters map[string]struct{}
	Service   struct {
		Pipelines map[string]struct{ Receivers, Processors, Exporters []string }
	}
}

var exported = regexp.MustCompile(`OTEL_EXPORTER_OTLP_ENDPOINT=http://(\S+)`)

func TestCollectorTakesWhatTheGatewaySends(t *testing.T) {
	t.Parallel()
	var c collector
	decoder := yaml.NewDecoder(bytes.NewReader(read(t, "collector.yaml")))
	decoder.KnownFields(true)
	if err := decoder.Decode(&c); err != nil {
		t.Fatal(err)
	}
	endpoint := exported.FindSubmatch(read(t, "README.md"))
	if endpoint == nil || c.Receivers.OTLP.Protocols.HTTP.Endpoint != string(endpoint[1]) {
		t.Errorf("the collector listens on %q, README sends to %q", c.Receivers.OTLP.Protocols.HTTP.Endpoint, endpoint)
	}
	traces := c.Service.Pipelines["traces"]
	if !slices.Equal(traces.Receivers, []string{"otlp"}) {
		t.Errorf("traces come from %v", traces.Receivers)
	}
	if want := slices.Sorted(maps.Keys(c.Processors)); !slices.Equal(slices.Sorted(slices.Values(traces.Processors)), want) {
		t.Errorf("traces go through %v of %v", traces.Processors, want)
	}
	if want := slices.Sorted(maps.Keys(c.Exporters)); !slices.Equal(traces.Exporters, want) {
		t.Errorf("traces go to %v of %v", traces.Exporters, want)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
