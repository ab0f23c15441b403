package monitoring_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// played is a recording, with the alert that must fire.
type played struct {
	alert string // that fires during the outage; empty for none
	// within is the time from the begin of the outage in which the alert fires. It then fires until the end,
	// without a break.
	within time.Duration
	// over is how long the alert may fire after the end. Zero means that the recording is too short to show it.
	over time.Duration
}

// recordings are the recordings of testdata. TestRecord made them with a gateway in Caddy.
var recordings = map[string]played{
	"healthy":            {},
	"healthy-quiet":      {},
	"signicat-503":       {"ItsmeSignicatUnavailable", 5 * time.Minute, 4 * time.Minute},
	"signicat-503-quiet": {"ItsmeSignicatUnavailable", 5 * time.Minute, 4 * time.Minute},
	"signicat-silent":    {"ItsmeSignicatUnavailable", 5 * time.Minute, 4 * time.Minute},
	"secret-400":         {"ItsmeSignicatRefusesCredentials", 5 * time.Minute, 4 * time.Minute},
	"secret-401":         {"ItsmeSignicatRefusesCredentials", 5 * time.Minute, 4 * time.Minute},
	"redis-unavailable":  {"ItsmeStoreUnavailable", 4 * time.Minute, 4 * time.Minute},
	"redis-hangs":        {"ItsmeStoreUnavailable", 4 * time.Minute, 4 * time.Minute},
	"redis-readonly":     {"ItsmeStoreNotWritable", 4 * time.Minute, 4 * time.Minute},
	"redis-full":         {"ItsmeStoreNotWritable", 4 * time.Minute, 4 * time.Minute},
	"app-links":          {"ItsmeAppLinksBroken", 5 * time.Minute, 0},
	"clock-off":          {"ItsmeClockOff", 3 * time.Minute, 0},
}

// recorded is the interval of TestRecord's scrapes.
const recorded = 10 * time.Second

// recordedSeries are a recording's samples by series. The outage is from begin to end, in samples.
type recordedSeries struct {
	series     map[string][]string
	samples    int
	begin, end int
}

func readRecording(t *testing.T, name string) recordedSeries {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r := recordedSeries{series: make(map[string][]string)}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case fields[0] == "#":
		case fields[0] == "outage":
			r.begin, r.end = number(t, fields[1]), number(t, fields[2])
		default:
			samples := unpacked(t, fields[1:])
			r.series[fields[0]], r.samples = samples, len(samples)
		}
	}
	if r.end == 0 {
		r.end = r.samples
	}
	return r
}

// unpacked reads promtool's notation: 7x3 is 7 7 7 7.
func unpacked(t *testing.T, short []string) (samples []string) {
	t.Helper()
	for _, field := range short {
		value, more, repeated := strings.Cut(field, "x")
		samples = append(samples, value)
		if repeated {
			samples = append(samples, slices.Repeat([]string{value}, number(t, more))...)
		}
	}
	return samples
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// scraping is how Prometheus scrapes a gateway.
type scraping struct {
	every int // samples of a recording
	fails int // one scrape of so many; 0 for none
}

// seen returns the samples that Prometheus has. A scrape that fails marks every series as stale.
func (s scraping) seen(samples []string) string {
	seen := make([]string, len(samples))
	for i, sample := range samples {
		scrape := i / s.every
		switch {
		case i%s.every != 0 || sample == "_":
			seen[i] = "_"
		case s.fails > 0 && scrape%s.fails == s.fails-1:
			seen[i] = "stale"
		default:
			seen[i] = sample
		}
	}
	return strings.Join(seen, " ")
}

// Files of promtool test rules.
type (
	ruleTests struct {
		RuleFiles          []string   `yaml:"rule_files"`
		EvaluationInterval string     `yaml:"evaluation_interval"`
		Tests              []ruleTest `yaml:"tests"`
	}
	ruleTest struct {
		Name        string        `yaml:"name"`
		Interval    string        `yaml:"interval"`
		InputSeries []inputSeries `yaml:"input_series"`
		Expressions []expression  `yaml:"promql_expr_test"`
	}
	inputSeries struct {
		Series string `yaml:"series"`
		Values string `yaml:"values"`
	}
	expression struct {
		Expr     string   `yaml:"expr"`
		EvalTime string   `yaml:"eval_time"`
		Samples  []sample `yaml:"exp_samples"`
	}
	sample struct {
		Labels string `yaml:"labels"`
		Value  int    `yaml:"value"`
	}
)

// TestAlertsHoldThroughRecordedOutages has promtool play every recording, evaluated every 10 s, 30 s and 60 s,
// and scraped every 10 s, every 30 s, and every 30 s with failures. At each evaluation, the alert of the outage
// fires from a few minutes after its begin to its end, and not before; no other alert ever fires.
func TestAlertsHoldThroughRecordedOutages(t *testing.T) {
	t.Parallel()
	rulesFile, err := filepath.Abs("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, interval := range []time.Duration{10 * time.Second, 30 * time.Second, 60 * time.Second} {
		for _, s := range []scraping{{every: 1}, {every: 3}, {every: 3, fails: 4}} {
			t.Run(fmt.Sprintf("evaluated every %v, scraped every %v, of %d one fails", interval, time.Duration(s.every)*recorded, s.fails), func(t *testing.T) {
				t.Parallel()
				file := ruleTests{RuleFiles: []string{rulesFile}, EvaluationInterval: interval.String()}
				for name, want := range recordings {
					file.Tests = append(file.Tests, want.test(name, readRecording(t, name), s, interval))
				}
				text, err := yaml.Marshal(file)
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(t.TempDir(), "recorded.yml")
				if err := os.WriteFile(path, text, 0o600); err != nil {
					t.Fatal(err)
				}
				promtool(t, "test", "rules", path)
			})
		}
	}
}

// test returns the test of a recording, with the expected alerts at each evaluation.
func (p played) test(name string, r recordedSeries, s scraping, interval time.Duration) ruleTest {
	test := ruleTest{Name: name, Interval: recorded.String()}
	for series, samples := range r.series {
		test.InputSeries = append(test.InputSeries, inputSeries{series, s.seen(samples)})
	}
	begin, end, last := time.Duration(r.begin)*recorded, time.Duration(r.end)*recorded, time.Duration(r.samples-1)*recorded
	for at := time.Duration(0); at <= last; at += interval {
		test.Expressions = append(test.Expressions, firing(`alertname!="`+p.alert+`"`, at))
		switch {
		case p.alert == "":
		case at < begin, p.over > 0 && at > end+p.over:
			test.Expressions = append(test.Expressions, firing(`alertname="`+p.alert+`"`, at))
		case at >= begin+p.within && at < end:
			test.Expressions = append(test.Expressions, firing(`alertname="`+p.alert+`"`, at, p.alert))
		}
	}
	return test
}

// firing expects exactly these alerts among those that a matcher selects.
func firing(matcher string, at time.Duration, alerts ...string) expression {
	e := expression{Expr: `group by (alertname) (ALERTS{alertstate="firing",` + matcher + `})`, EvalTime: at.String(), Samples: []sample{}}
	for _, alert := range alerts {
		e.Samples = append(e.Samples, sample{`{alertname="` + alert + `"}`, 1})
	}
	return e
}

// TestEveryRecordingIsPlayed compares testdata with the recordings that the test above plays.
func TestEveryRecordingIsPlayed(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) != len(recordings) {
		t.Errorf("testdata has %d recordings, and %d are played (%v)", len(files), len(recordings), err)
	}
	for _, file := range files {
		if _, ok := recordings[strings.TrimSuffix(filepath.Base(file), ".txt")]; !ok {
			t.Errorf("%s is not played", file)
		}
	}
}
