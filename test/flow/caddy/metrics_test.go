package caddy_test

import (
	"crypto/rand"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
)

// newMeteredEnv is an environment with two gateways, whose metrics the admin endpoint and a site publish.
func newMeteredEnv(t *testing.T) *env {
	t.Helper()
	return newEnv(t, options{gateways: 2, global: "\tadmin {{admin}}\n", fallback: "\tmetrics /metrics\n"})
}

// samples are the series of the gateways with their values, as /metrics shows them.
type samples map[string]float64

func (e *env) scrape(t *testing.T) samples {
	t.Helper()
	return parseSamples(t, e.server.Get(t, e.server.AdminURL+"/metrics"))
}

func parseSamples(t *testing.T, text string) samples {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("parsing metrics: %v in %.500s", err, text)
	}
	all := make(samples)
	for name, family := range families {
		if !strings.HasPrefix(name, "caddy_itsme_") {
			continue
		}
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetName()+"="+label.GetValue())
			}
			series := strings.TrimPrefix(name, "caddy_itsme_") + "{" + strings.Join(labels, ",") + "}"
			all[series] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return all
}

// wantSince compares the growth of series.
func wantSince(t *testing.T, before, after samples, want map[string]float64) {
	t.Helper()
	for series, grown := range want {
		if _, there := after[series]; !there {
			t.Errorf("there is no %s", series)
		} else if got := after[series] - before[series]; got != grown {
			t.Errorf("%s grew by %v, want %v", series, got, grown)
		}
	}
}

// countsOfLogin returns what one login of an app and one call with its token add to the metrics.
func countsOfLogin(gateway string) map[string]float64 {
	want := make(map[string]float64)
	for _, series := range []string{
		"logins_started_total{%skind=app}",
		"logins_returned_total{%skind=app}",
		"logins_validated_total{%skind=app}",
		"logins_ended_total{%skind=app,outcome=issued,reason=issued}",
		"login_duration_seconds{%skind=app,outcome=issued}",
		"signicat_call_duration_seconds{%soperation=create_session,outcome=ok}",
		"signicat_call_duration_seconds{%soperation=validate_code,outcome=ok}",
		"store_operation_duration_seconds{%soperation=create,outcome=ok}",
		"token_verifications_total{cached=false,%skind=app,result=valid}",
	} {
		want[fmt.Sprintf(series, "gateway="+gateway+",")] = 1
	}
	want["requests_total{decision=allowed,gateway="+gateway+"}"] = 1
	want["requests_total{decision=gateway_endpoint,gateway="+gateway+"}"] = 2
	return want
}

// TestLoginIsCountedAcrossReloads logs in at one of two gateways, before a reload and after it. No counter
// falls.
func TestLoginIsCountedAcrossReloads(t *testing.T) {
	e := newMeteredEnv(t)
	start := e.scrape(t)
	app := e.fronts[0].NewApp()
	access := app.Login(t, "adult")
	app.Call(t, "/api", access)
	first := e.scrape(t)
	wantSince(t, start, first, countsOfLogin("g0"))
	for series, n := range first {
		if strings.Contains(series, "gateway=g1") && strings.Contains(series, "_total{") && n != 0 {
			t.Errorf("the other gateway has %s %v", series, n)
		}
	}

	e.reloadWith(t, 2)
	reloaded := e.scrape(t)
	for series, n := range first {
		if got := reloaded[series]; strings.Contains(series, "_total{") && got < n {
			t.Errorf("%s fell from %v to %v", series, n, got)
		}
	}
	again := e.fronts[0].NewApp()
	again.Call(t, "/api", again.Login(t, "adult"))
	app.Call(t, "/api", access) // the new gateway does not have it in its cache
	app.Call(t, "/api", access)
	want := countsOfLogin("g0")
	want["requests_total{decision=allowed,gateway=g0}"] = 3
	want["token_verifications_total{cached=false,gateway=g0,kind=app,result=valid}"] = 2
	want["token_verifications_total{cached=true,gateway=g0,kind=app,result=valid}"] = 1
	wantSince(t, reloaded, e.scrape(t), want)
}

// TestRemovedGatewayIsNotTold removes a gateway from the configuration and adds it again. Its series
// disappear, and then start at zero.
func TestRemovedGatewayIsNotTold(t *testing.T) {
	e := newMeteredEnv(t)
	e.fronts[1].NewApp().Login(t, "adult")
	e.reloadWith(t, 1)
	for series := range e.scrape(t) {
		if strings.Contains(series, "gateway=g1") {
			t.Errorf("%s is still published", series)
		}
	}
	e.reloadWith(t, 2)
	if n, there := e.scrape(t)["logins_started_total{gateway=g1,kind=app}"]; n != 0 || !there {
		t.Errorf("the counter continues at %v, exists: %v", n, there)
	}
}

// TestReloadThatFailsKeepsTheMetrics loads a configuration that is refused. Its series disappear with it. The test
// reads the metrics at a site: Caddy's admin endpoint publishes those of the latest configuration, refused or not.
func TestReloadThatFailsKeepsTheMetrics(t *testing.T) {
	e := newMeteredEnv(t)
	e.fronts[0].NewApp().Login(t, "adult")
	before := parseSamples(t, e.server.Get(t, e.server.URL+"/metrics"))
	if e.server.Reload(strings.Replace(e.config(2), "attributes name", "attributes shoeSize", 1)) == nil {
		t.Fatal("a configuration with an unknown attribute loads")
	}
	after := parseSamples(t, e.server.Get(t, e.server.URL+"/metrics"))
	wantSince(t, before, after, map[string]float64{"logins_started_total{gateway=g0,kind=app}": 0})
	if len(after) != len(before) {
		t.Errorf("%d series became %d", len(before), len(after))
	}
}

// TestStateIsTold reads the gauges: pending logins, the store, the breaker and the keys.
func TestStateIsTold(t *testing.T) {
	e := newMeteredEnv(t)
	e.fronts[0].NewApp().Start(t)
	got := e.scrape(t)
	for series, want := range map[string]float64{
		"pending_sessions{gateway=g0}":                       1,
		"pending_sessions{gateway=g1}":                       0,
		"store_up{gateway=g0}":                               1,
		"signicat_breaker_state{gateway=g0,state=closed}":    1,
		"signicat_breaker_state{gateway=g0,state=half_open}": 0,
		"signicat_breaker_state{gateway=g0,state=open}":      0,
	} {
		if n, there := got[series]; n != want || !there {
			t.Errorf("%s is %v, want %v", series, n, want)
		}
	}
	const monthLess = 29 * 24 * 3600
	signs, next := got["signing_key_timestamp_seconds{gateway=g0}"], got["next_signing_key_timestamp_seconds{gateway=g0}"]
	if signs == 0 || next < signs+monthLess {
		t.Errorf("the key signs from %v, the next key from %v", signs, next)
	}
}

// TestReturnsAndClocksAreTold opens an app redirect URL in a browser, and reads the offset to Signicat's
// clock, which is this machine's.
func TestReturnsAndClocksAreTold(t *testing.T) {
	e := newMeteredEnv(t)
	const clock = "clock_offset_seconds{gateway=g0,peer=signicat}"
	before := e.scrape(t)
	if _, there := before[clock]; there {
		t.Error("an offset is known before Signicat answered")
	}
	app := e.fronts[0].NewApp()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	e.server.Get(t, e.fronts[0].URL+logintest.Path+"/app/callback?"+url.Values{"code": {code}, "state": {state}}.Encode())
	after := e.scrape(t)
	wantSince(t, before, after, map[string]float64{
		"returns_total{gateway=g0,kind=app,outcome=app_opened_browser}":           1,
		"returns_total{gateway=g0,kind=browser,outcome=finished}":                 0,
		"logins_unstarted_total{gateway=g0,kind=app,reason=signicat_unavailable}": 0,
	})
	if off, there := after[clock]; !there || math.Abs(off) > 10 {
		t.Errorf("the offset is %v, exists: %v", off, there)
	}
}

// TestGarbageAddsNoSeries has an attacker send made-up paths, methods, headers and tokens, twice. The second
// round adds no series that the first did not. An attacker who can add series fills the memory of Prometheus.
func TestGarbageAddsNoSeries(t *testing.T) {
	e := newMeteredEnv(t)
	e.garbage(t)
	known := e.scrape(t)
	e.garbage(t)
	for series := range e.scrape(t) {
		if _, before := known[series]; !before {
			t.Errorf("garbage adds %s", series)
		}
	}
	if len(known) > 1000 {
		t.Errorf("two gateways have %d series", len(known))
	}
	plain := regexp.MustCompile(`^[a-z_]+\{([a-z]+=[a-z0-9_]+,?)+\}$`)
	for series := range known {
		if !plain.MatchString(series) {
			t.Errorf("a label holds a value of the client: %s", series)
		}
	}
}

// garbage sends one round of requests that share nothing with another round.
func (e *env) garbage(t *testing.T) {
	t.Helper()
	url, made := e.fronts[0].URL, rand.Text()
	app := e.fronts[0].NewApp()
	app.Start(t)
	if got := app.PostJSON(t, "/sessions/"+app.SessionID+"/cancel", map[string]string{"code_verifier": app.Verifier, "error": made}); got.Status != http.StatusNoContent {
		t.Errorf("cancelling: %d %s", got.Status, got.Body)
	}
	for _, sent := range []struct{ method, path, header, value string }{
		{"GET", "/" + made, "Accept", "text/html"},
		{"GET", "/itsme/" + made, "", ""},
		{made, "/itsme/token", "", ""},
		{made, "/" + made, "", ""},
		{"GET", "/", "Authorization", "Bearer " + made},
		{"GET", "/", "Cookie", "itsme=" + made},
		{"GET", "/itsme/sessions/" + made, "", ""},
		{"GET", "/itsme/callback?error=" + made + "&state=" + made, "", ""},
		{"POST", "/itsme/token", "Content-Type", made + "/" + made},
	} {
		r, err := http.NewRequestWithContext(t.Context(), sent.method, url+sent.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if sent.header != "" {
			r.Header.Set(sent.header, sent.value)
		}
		answer, err := e.server.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
}
