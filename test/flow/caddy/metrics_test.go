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

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// metered are two gateways with a site each, and Caddy's own admin endpoint.
type metered struct {
	*caddytest.Server
	stages [2]stage
	fronts [2]*logintest.Env
}

func openMetered(t *testing.T) *metered {
	t.Helper()
	m := &metered{stages: [2]stage{newStage(t), newStage(t)}}
	for _, s := range m.stages {
		if err := s.reserved.Close(); err != nil {
			t.Fatal(err)
		}
	}
	m.Server = caddytest.Run(t, m.config(2, "first"))
	for i, s := range m.stages {
		m.fronts[i] = s.open(t, signicattest.Config{})
	}
	return m
}

// config is one with so many of the gateways, and a word that makes it another than before.
func (m *metered) config(gateways int, word string) string {
	var options, sites strings.Builder
	for i, s := range m.stages[:gateways] {
		options.WriteString(s.option(i, logintest.Options{Attributes: []string{"name"}}))
		sites.WriteString(s.site(i, logintest.Require{}))
	}
	return "{\n\tadmin {{admin}}\n\tdefault_bind 127.0.0.1\n" + options.String() + "}\n" + sites.String() +
		"http://{{addr}} {\n\tmetrics /metrics\n\trespond / " + word + "\n}\n"
}

func (m *metered) reload(t *testing.T, gateways int, word string) {
	t.Helper()
	if err := m.Reload(m.config(gateways, word)); err != nil {
		t.Fatalf("reloading: %v", err)
	}
	untilServed(t, m.Server, m.fronts[0].URL+logintest.Path+"/health/live")
	untilServed(t, m.Server, m.AdminURL+"/metrics") // Caddy replaces this server, too
}

// samples are the gateways' own series and their values, as /metrics shows them.
type samples map[string]float64

func (m *metered) scrape(t *testing.T) samples {
	t.Helper()
	return parseSamples(t, m.Get(t, m.AdminURL+"/metrics"))
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

// wantSince compares by how much series have grown.
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

// aLogin is what one login as an app and one call with its token count.
func aLogin(gateway string) map[string]float64 {
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

// TestLoginIsCountedAcrossReloads logs in at one of two gateways, before a reload and after it.
func TestLoginIsCountedAcrossReloads(t *testing.T) {
	m := openMetered(t)
	start := m.scrape(t)
	app := m.fronts[0].NewApp()
	access := app.Login(t, "adult")
	app.Call(t, "/api", access)
	first := m.scrape(t)
	wantSince(t, start, first, aLogin("g0"))
	for series, n := range first {
		if strings.Contains(series, "gateway=g1") && strings.Contains(series, "_total{") && n != 0 {
			t.Errorf("the other gateway has %s %v", series, n)
		}
	}

	m.reload(t, 2, "second")
	reloaded := m.scrape(t)
	for series, n := range first {
		if got := reloaded[series]; strings.Contains(series, "_total{") && got < n {
			t.Errorf("%s fell from %v to %v", series, n, got)
		}
	}
	again := m.fronts[0].NewApp()
	again.Call(t, "/api", again.Login(t, "adult"))
	app.Call(t, "/api", access) // the new gateway has not seen it
	app.Call(t, "/api", access)
	want := aLogin("g0")
	want["requests_total{decision=allowed,gateway=g0}"] = 3
	want["token_verifications_total{cached=false,gateway=g0,kind=app,result=valid}"] = 2
	want["token_verifications_total{cached=true,gateway=g0,kind=app,result=valid}"] = 1
	wantSince(t, reloaded, m.scrape(t), want)
}

// TestRemovedGatewayIsNotTold takes a gateway away, and brings it back: it begins anew.
func TestRemovedGatewayIsNotTold(t *testing.T) {
	m := openMetered(t)
	m.fronts[1].NewApp().Login(t, "adult")
	m.reload(t, 1, "second")
	for series := range m.scrape(t) {
		if strings.Contains(series, "gateway=g1") {
			t.Errorf("%s is still shown", series)
		}
	}
	m.reload(t, 2, "third")
	if n, there := m.scrape(t)["logins_started_total{gateway=g1,kind=app}"]; n != 0 || !there {
		t.Errorf("it goes on with %v, there is one: %v", n, there)
	}
}

// TestReloadThatFailsKeepsTheMetrics: what a refused configuration registered is gone with it. They
// are read at a site: Caddy's admin endpoint shows those of the latest configuration, refused or not.
func TestReloadThatFailsKeepsTheMetrics(t *testing.T) {
	m := openMetered(t)
	m.fronts[0].NewApp().Login(t, "adult")
	before := parseSamples(t, m.Get(t, m.URL+"/metrics"))
	if m.Reload(strings.Replace(m.config(2, "second"), "attributes name", "attributes shoeSize", 1)) == nil {
		t.Fatal("the configuration that is to be refused loads")
	}
	after := parseSamples(t, m.Get(t, m.URL+"/metrics"))
	wantSince(t, before, after, map[string]float64{"logins_started_total{gateway=g0,kind=app}": 0})
	if len(after) != len(before) {
		t.Errorf("%d series became %d", len(before), len(after))
	}
}

// TestStateIsTold reads what is no count: logins under way, the store, the breaker, the keys.
func TestStateIsTold(t *testing.T) {
	m := openMetered(t)
	m.fronts[0].NewApp().Start(t)
	got := m.scrape(t)
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
		t.Errorf("a key signs since %v, the next one from %v", signs, next)
	}
}

// TestReturnsAndClocksAreTold opens an app redirect URL in a browser, and reads the offset to the clock of
// Signicat, which is this machine's.
func TestReturnsAndClocksAreTold(t *testing.T) {
	m := openMetered(t)
	const clock = "clock_offset_seconds{gateway=g0,peer=signicat}"
	before := m.scrape(t)
	if _, there := before[clock]; there {
		t.Error("an offset is known before Signicat answered")
	}
	app := m.fronts[0].NewApp()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	m.Get(t, m.fronts[0].URL+logintest.Path+"/app/callback?"+url.Values{"code": {code}, "state": {state}}.Encode())
	after := m.scrape(t)
	wantSince(t, before, after, map[string]float64{
		"returns_total{gateway=g0,kind=app,outcome=app_opened_browser}":           1,
		"returns_total{gateway=g0,kind=browser,outcome=finished}":                 0,
		"logins_unstarted_total{gateway=g0,kind=app,reason=signicat_unavailable}": 0,
	})
	if off, there := after[clock]; !there || math.Abs(off) > 10 {
		t.Errorf("the offset is %v, there is one: %v", off, there)
	}
}

// TestGarbageAddsNoSeries sends whatever a client can make up, twice: what the first round could
// add the second may not. An attacker who could add series could fill the memory of Prometheus.
func TestGarbageAddsNoSeries(t *testing.T) {
	m := openMetered(t)
	m.garbage(t)
	known := m.scrape(t)
	m.garbage(t)
	for series := range m.scrape(t) {
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
			t.Errorf("a label holds more than words of ours: %s", series)
		}
	}
}

// garbage is one round of requests with nothing in common with another round.
func (m *metered) garbage(t *testing.T) {
	t.Helper()
	url, made := m.fronts[0].URL, rand.Text()
	app := m.fronts[0].NewApp()
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
		answer, err := m.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
}
