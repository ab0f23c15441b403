// Package tracing_test checks that the gateway's traces have somewhere to go.
package tracing_test

import (
	"bytes"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// collector is as much of a Collector's configuration as the example uses: what it does not have is
// refused as misspelt.
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
