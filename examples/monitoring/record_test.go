//go:build record

package monitoring_test

import (
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// The schedule of a recording, in real time.
const (
	scrapeEvery = 10 * time.Second
	before      = 18 // scrapes before the outage
	during      = 54
	after       = 30
)

// outage is one recording.
type outage struct {
	pause time.Duration // between two logins; default 2s
	ahead time.Duration // of the gateway's clock, from the start to the end
	begin func(*env)
	end   func(*env)
}

var outages = map[string]outage{
	"healthy":            {},
	"healthy-quiet":      {pause: 50 * time.Second},
	"signicat-503":       {begin: func(e *env) { e.signicat.Store(e.unavailable) }, end: (*env).heal},
	"signicat-503-quiet": {pause: 25 * time.Second, begin: func(e *env) { e.signicat.Store(e.unavailable) }, end: (*env).heal},
	"signicat-silent":    {begin: func(e *env) { e.signicat.Store(e.silent) }, end: (*env).heal},
	"secret-400":         {begin: func(e *env) { e.otherSecret(http.StatusBadRequest) }, end: (*env).heal},
	"secret-401":         {begin: func(e *env) { e.otherSecret(http.StatusUnauthorized) }, end: (*env).heal},
	"redis-unavailable":  {begin: (*env).killRedis, end: (*env).startRedis},
	"redis-hangs":        {begin: (*env).hangRedis, end: (*env).wakeRedis},
	"redis-readonly":     {begin: func(e *env) { e.redisCLI("REPLICAOF", "127.0.0.1", "1") }, end: func(e *env) { e.redisCLI("REPLICAOF", "NO", "ONE") }},
	"redis-full":         {begin: func(e *env) { e.redisCLI("CONFIG", "SET", "maxmemory", "1") }, end: func(e *env) { e.redisCLI("CONFIG", "SET", "maxmemory", "0") }},
	"app-links":          {begin: func(e *env) { e.brokenLinks.Store(true) }, end: func(e *env) { e.brokenLinks.Store(false) }},
	"clock-off":          {ahead: 90 * time.Second},
}

// TestRecord records a gateway in Caddy, with a simulated Signicat and a real Redis, in each outage, and
// writes what Prometheus would scrape to testdata. All run at once, in real time, for some 17 minutes. All of it:
//
//	go test -tags record -count 1 -parallel 20 -timeout 30m -run TestRecord ./examples/monitoring
func TestRecord(t *testing.T) {
	program := filepath.Join(t.TempDir(), "caddy-itsme")
	// The build of the soak test has a clock that can be ahead.
	if out, err := exec.Command("go", "build", "-tags", "soak", "-o", program, "../../cmd/caddy-itsme").CombinedOutput(); err != nil {
		t.Fatalf("building caddy-itsme: %v\n%s", err, out)
	}
	for name, o := range outages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, program, o)
			r := make(recording)
			for n := range before + during + after {
				switch {
				case n == before && o.begin != nil:
					o.begin(e)
				case n == before+during && o.end != nil:
					o.end(e)
				}
				<-time.After(scrapeEvery)
				r.scrape(t, n, e.admin)
			}
			r.write(t, name, o)
		})
	}
}

// recording holds samples by series. "_" is a missing sample.
type recording map[string][]string

// scrape adds a sample to each series of the gateway, as Prometheus does with an instance label.
func (r recording) scrape(t *testing.T, n int, admin string) {
	t.Helper()
	answer, err := http.Get(admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for name, family := range families {
		if !strings.HasPrefix(name, "caddy_itsme_") {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetHistogram() != nil {
				name = family.GetName() + "_count" // buckets and sums would make ten times as much
			}
			r.add(n, name+labelsOf(m), valueOf(m))
		}
	}
	for series, samples := range r {
		for len(samples) <= n {
			samples = append(samples, "_")
		}
		r[series] = samples
	}
}

func (r recording) add(n int, series, value string) {
	for len(r[series]) < n {
		r[series] = append(r[series], "_")
	}
	r[series] = append(r[series], value)
}

func labelsOf(m *dto.Metric) string {
	labels := []string{`instance="a:2019"`}
	for _, l := range m.GetLabel() {
		labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
	}
	slices.Sort(labels)
	return "{" + strings.Join(labels, ",") + "}"
}

func valueOf(m *dto.Metric) string {
	value := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
	return strconv.FormatFloat(math.Round(value*1000)/1000, 'f', -1, 64)
}

// write writes a recording with its series in order. Equal samples stand together, as in promtool's
// notation: 7x3 is 7 7 7 7.
func (r recording) write(t *testing.T, name string, o outage) {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "# %s: recorded by go test -tags record. One sample every %d s, in real time.\n", name, int(scrapeEvery.Seconds()))
	if o.begin != nil {
		fmt.Fprintf(&text, "outage %d %d\n", before, before+during)
	}
	for _, series := range slices.Sorted(maps.Keys(r)) {
		text.WriteString(series + " " + strings.Join(packed(r[series]), " ") + "\n")
	}
	if err := os.WriteFile(filepath.Join("testdata", name+".txt"), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func packed(samples []string) (short []string) {
	for i := 0; i < len(samples); {
		n := 1
		for i+n < len(samples) && samples[i+n] == samples[i] {
			n++
		}
		if n == 1 {
			short = append(short, samples[i])
		} else {
			short = append(short, fmt.Sprintf("%sx%d", samples[i], n-1))
		}
		i += n
	}
	return short
}
