package caddy_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
)

var update = flag.Bool("update", false, "write the golden files in testdata anew")

// TestSignals compares every log line, every metric that moved and every span of one login of each
// kind, and of one refused request, with a golden file. It masks values that differ between runs.
// Write the files anew with go test ./flow/caddy -run TestSignals -update in this module.
func TestSignals(t *testing.T) {
	for name, play := range map[string]func(*testing.T, *logintest.Env){
		"app": func(t *testing.T, f *logintest.Env) {
			app := f.NewApp()
			token := app.Login(t, "adult")
			for range 2 { // the second time the token is in the cache
				wantAnswer(t, app.Call(t, "/api", token), http.StatusOK)
			}
		},
		"browser": func(t *testing.T, f *logintest.Env) {
			browser := f.NewBrowser(t)
			wantAnswer(t, browser.Login(t, "/page", "adult"), http.StatusOK)
			wantAnswer(t, browser.Navigate(t, "/page"), http.StatusOK)
		},
		"refused": func(t *testing.T, f *logintest.Env) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+"/api", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer not.a.token")
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			wantAnswer(t, logintest.Answer{Status: answer.StatusCode}, http.StatusUnauthorized)
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := signals(t, play)
			golden := filepath.Join("testdata", "signals", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s differs (-want +got):\n%s", golden, diff)
			}
		})
	}
}

func wantAnswer(t *testing.T, got logintest.Answer, status int) {
	t.Helper()
	if got.Status != status {
		t.Fatalf("got %d %s, want %d", got.Status, got.Body, status)
	}
}

// signals plays a story at a Caddy of its own and describes what it logged, counted and traced.
func signals(t *testing.T, play func(*testing.T, *logintest.Env)) string {
	t.Helper()
	collected := collect(t)
	var lines, metrics string
	t.Run("Caddy", func(t *testing.T) { // Caddy exports the last spans when it stops, with the subtest
		e := newTracedEnv(t, "")
		before := e.scrape(t)
		play(t, e.Env)
		metrics = moved(before, e.scrape(t))
		lines = ourLines(t, e.server.Log())
	})
	return mask("log\n" + lines + "\nmetrics\n" + metrics + "\nspans\n" + collected.described())
}

// ourLines returns the lines of Caddy's log that the module wrote: level, logger, message, and the
// attributes by name. The Redis store checks its server in the background, so that its lines have no
// fixed place: they are left out.
func ourLines(t *testing.T, log string) string {
	t.Helper()
	var text strings.Builder
	for line := range strings.Lines(log) {
		var attributes map[string]any
		if err := json.Unmarshal([]byte(line), &attributes); err != nil {
			t.Fatalf("reading %q: %v", line, err)
		}
		logger, _ := attributes["logger"].(string)
		if !strings.Contains(logger, "itsme") || logger == "itsme.stores.redis" {
			continue
		}
		fmt.Fprintf(&text, "%s %s: %s\n", attributes["level"], logger, attributes["msg"])
		for _, name := range []string{"level", "logger", "msg", "ts"} {
			delete(attributes, name)
		}
		for _, name := range slices.Sorted(maps.Keys(attributes)) {
			value, err := json.Marshal(attributes[name])
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&text, "  %s=%s\n", name, value)
		}
	}
	return text.String()
}

// moved returns the series that are new or have another value than before, and their growth. Of clock
// offsets it returns only that they are known. The operation len is left out: a scrape itself causes it, at
// most once in a while.
func moved(before, after samples) string {
	var text strings.Builder
	for _, series := range slices.Sorted(maps.Keys(after)) {
		if strings.Contains(series, "operation=len,") {
			continue
		}
		if strings.HasPrefix(series, "clock_offset_seconds{") {
			fmt.Fprintf(&text, "%s NUMBER\n", series)
			continue
		}
		if _, known := before[series]; !known || after[series] != before[series] {
			fmt.Fprintf(&text, "%s +%v\n", series, after[series]-before[series])
		}
	}
	return text.String()
}

var volatile = []struct {
	pattern *regexp.Regexp
	mask    string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`(\.port)=\d+`), "$1=PORT"},
	{regexp.MustCompile(`(\.body\.size)=\d+`), "$1=SIZE"},
	{regexp.MustCompile(`"([0-9a-f]{32}|[0-9a-f]{16})"`), "HEX"},
	{regexp.MustCompile(`"[A-Za-z0-9_-]{43}"`), "BASE64"},
	{regexp.MustCompile(`\b1\d{9}\b`), "TIME"},
	{regexp.MustCompile(`(duration_seconds)=[0-9.e-]+`), "$1=NUMBER"},
}

// mask replaces what differs between two runs.
func mask(text string) string {
	if host, err := os.Hostname(); err == nil {
		text = strings.ReplaceAll(text, `replica="`+host+`"`, "replica=HOST")
	}
	for _, v := range volatile {
		text = v.pattern.ReplaceAllString(text, v.mask)
	}
	return text
}
