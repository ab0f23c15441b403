// Package monitoring_test checks the alerts and the dashboard with promtool, and that every metric in them
// exists.
package monitoring_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/exampletest"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func promtool(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "promtool", args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v (Debian: apt-get install prometheus)\n%s", strings.Join(args, " "), err, out)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "config", "prometheus.yml") // with the rules that it loads
	promtool(t, "test", "rules", "alerts_test.yml")
}

// rules is a rule file of Prometheus.
type rules struct {
	Groups []struct {
		Name  string
		Rules []struct{ Alert, Record, Expr string }
	}
}

// TestEveryAlertIsPlayed compares the alerts with those that fire in alerts_test.yml, which has the labels and
// words of each, and with the table of docs/monitoring.md.
func TestEveryAlertIsPlayed(t *testing.T) {
	t.Parallel()
	var file rules
	if err := yaml.Unmarshal([]byte(exampletest.Read(t, "alerts.yml")), &file); err != nil {
		t.Fatal(err)
	}
	var played struct {
		Tests []struct {
			Expected []struct {
				Alert string `yaml:"alertname"`
				Fires []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	if err := yaml.Unmarshal([]byte(exampletest.Read(t, "alerts_test.yml")), &played); err != nil {
		t.Fatal(err)
	}
	fired := make(map[string]bool)
	for _, test := range played.Tests {
		for _, e := range test.Expected {
			fired[e.Alert] = fired[e.Alert] || len(e.Fires) > 0
		}
	}
	page := exampletest.Read(t, "../../docs/monitoring.md")
	var alerts int
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			alerts++
			if !fired[rule.Alert] {
				t.Errorf("%s never fires in alerts_test.yml", rule.Alert)
			}
			if !strings.Contains(page, "\n| `"+rule.Alert+"` |") {
				t.Errorf("docs/monitoring.md does not explain %s", rule.Alert)
			}
		}
	}
	if named := strings.Count(page, "\n| `Itsme"); alerts == 0 || named != alerts {
		t.Errorf("there are %d alerts, and docs/monitoring.md explains %d", alerts, named)
	}
}

// dashboard is the part of a Grafana dashboard that the tests read.
type dashboard struct {
	SchemaVersion int
	Templating    struct{ List []struct{ Name, Type string } }
	Panels        []panel
}

type panel struct {
	ID          int
	Type, Title string
	GridPos     struct{ H, W, X, Y int }
	Targets     []struct{ RefID, Expr string }
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(exampletest.Read(t, "dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDashboard(t *testing.T) {
	t.Parallel()
	d := readDashboard(t)
	if d.SchemaVersion < 39 {
		t.Errorf("the schema is %d", d.SchemaVersion)
	}
	variables := make(map[string]string)
	for _, v := range d.Templating.List {
		variables[v.Name] = v.Type
	}
	if diff := cmp.Diff(map[string]string{"datasource": "datasource", "gateway": "query"}, variables); diff != "" {
		t.Errorf("the variables differ (-want +got):\n%s", diff)
	}
	taken, ids := make(map[[2]int]string), make(map[int]bool)
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %d %q has an id that is taken, no title, or no query", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%q lies over %q, or beside the page", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// TestQueriesAreRead has promtool parse every query of the dashboard, as rules. It checks grammar and types.
func TestQueriesAreRead(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			if !strings.Contains(target.Expr, `gateway=~"$gateway"`) {
				t.Errorf("%s: a query is not of the gateways that are chosen: %s", p.Title, target.Expr)
			}
			query := strings.NewReplacer("$__rate_interval", "5m", "$gateway", "default").Replace(target.Expr)
			fmt.Fprintf(&text, "  - record: panel_%d_%s\n    expr: %q\n", p.ID, target.RefID, query)
		}
	}
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
}

var metric = regexp.MustCompile(`caddy_itsme_[a-z_]+`)

// TestMetricsExist compares what alerts and dashboard name with the table of docs/monitoring.md,
// which another test compares with the registered metrics. The dashboard shows every metric.
func TestMetricsExist(t *testing.T) {
	t.Parallel()
	documented := make(map[string]bool)
	for _, row := range regexp.MustCompile("(?m)^\\| `(caddy_itsme_[a-z_]+)` \\| ([a-z]+) ").FindAllStringSubmatch(exampletest.Read(t, "../../docs/monitoring.md"), -1) {
		documented[row[1]] = row[2] == "histogram"
	}
	shown := make(map[string]bool)
	for _, file := range []string{"dashboard.json", "alerts.yml", "alerts_test.yml"} {
		for _, name := range metric.FindAllString(exampletest.Read(t, file), -1) {
			plain := name
			for _, suffix := range []string{"_bucket", "_count", "_sum"} {
				if cut, ok := strings.CutSuffix(name, suffix); ok && documented[cut] {
					plain = cut
				}
			}
			histogram, known := documented[plain]
			if !known || histogram && plain == name {
				t.Errorf("%s names %s, which does not exist", file, name)
			}
			shown[plain] = shown[plain] || file == "dashboard.json"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(documented)) {
		if !shown[name] {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
}
