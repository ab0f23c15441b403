// Package helm_test validates the Caddyfiles that the chart makes. The objects are validated in test/kubernetes.
package helm_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	_ "github.com/caddy-itsme/caddy-itsme" // what the Caddyfiles name
	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
)

// TestCaddyfilesAreValid renders the chart with values of operators, and validates each Caddyfile as caddy validate
// does. A Caddyfile has the format of caddy fmt.
func TestCaddyfilesAreValid(t *testing.T) {
	for name, value := range map[string]string{"SIGNICAT_CLIENT_ID": "x", "SIGNICAT_CLIENT_SECRET": "x", "REDIS_PASSWORD": "x", "ITSME_STORE_SECRET": strings.Repeat("0123456789abcdef", 2), "ITSME_OTHER_STORE_SECRET": strings.Repeat("fedcba9876543210", 2)} {
		t.Setenv(name, value)
	}
	for _, row := range []struct {
		name, values string
		want         []string
	}{
		{"the defaults", "", []string{"public_url https://app.example.be", "address redis:6379", "grace_period 15s", "public /healthz"}},
		{"the README", readmeValues(t), []string{"require min_age 18\n\t\tpublic /assets/*", "dateOfBirth", "address redis.example.be:6380", "\n\t\t\ttls\n"}},
		{"memory", "replicas: 1\nredis: {enabled: false}", []string{"store memory"}},
		{"Sentinels", "redis: {addresses: ['10.0.0.5:26379', '10.0.0.6:26379'], sentinel: main}", []string{"address 10.0.0.5:26379 10.0.0.6:26379\n\t\t\tsentinel main"}},
		{"options of Redis", "redis: {options: \"prefix itsme:app\\nstaleness 5s\"}", []string{"\n\t\t\tprefix itsme:app\n\t\t\tstaleness 5s\n\t\t}"}},
		{"a secret that changes", "secrets: {storeSecret: old, otherStoreSecret: new}", []string{"secret {env.ITSME_STORE_SECRET} {env.ITSME_OTHER_STORE_SECRET}\n"}},
		{"no proxy and no health", "trustedProxies: []\nupstreamHealth: ''\nupstream: app.default.svc:80", []string{"reverse_proxy app.default.svc:80"}},
		{"blocks of the gateway", "gateway: |\n  attributes name\n  loa substantial\n  token {\n  \trefresh 30d\n  }", []string{"\t\ttoken {\n\t\t\trefresh 30d\n\t\t}"}},
		{"one of its own", "caddyfile: |\n  {\n  \titsme {\n  \t\tpublic_url {{ .Values.publicURL }}\n  \t\tsignicat {\n  \t\t\tclient_id a\n  \t\t\tclient_secret b\n  \t\t}\n  \t\tattributes name\n  \t\tstore memory\n  \t}\n  }\n\n  http://:8080 {\n  \titsme\n  \treverse_proxy 127.0.0.1:9000\n  }\n", []string{"public_url https://app.example.be"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			text := rendered(t, row.values)
			config, err := caddytest.Adapt(text)
			if err == nil {
				err = caddytest.Validate(config, t.TempDir())
			}
			if err != nil {
				t.Errorf("%v in\n%s", err, text)
			}
			if diff := cmp.Diff(string(caddyfile.Format([]byte(text))), text); diff != "" {
				t.Errorf("it is not formatted (-formatted +chart):\n%s", diff)
			}
			for _, want := range row.want {
				if !strings.Contains(text, want) {
					t.Errorf("there is no %q in\n%s", want, text)
				}
			}
		})
	}
}

// readmeValues returns the values that the README shows.
func readmeValues(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?ms)^   ```yaml\n(.*?)^   ```$").FindSubmatch(text)
	if block == nil {
		t.Fatal("the README shows no values")
	}
	return regexp.MustCompile("(?m)^   ").ReplaceAllString(string(block[1]), "")
}

// helmPath builds Helm once. Go keeps the program in its cache.
var helmPath = sync.OnceValues(func() (string, error) {
	path, err := exec.Command("go", "tool", "-modfile=../../tools/helm/go.mod", "-n", "helm").Output()
	return strings.TrimSpace(string(path)), err
})

// rendered returns the Caddyfile of the chart's ConfigMap.
func rendered(t *testing.T, values string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "values.yaml")
	if err := os.WriteFile(file, []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	program, err := helmPath()
	if err != nil {
		t.Fatalf("building Helm: %v", err)
	}
	helm := exec.Command(program, "template", "demo", ".", "--values", file, "--kube-version", "1.30.0", "--show-only", "templates/configmap.yaml")
	helm.Env = append(os.Environ(), "HELM_CACHE_HOME="+dir, "HELM_CONFIG_HOME="+dir, "HELM_DATA_HOME="+dir)
	var stderr strings.Builder
	helm.Stderr = &stderr
	output, err := helm.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var config struct {
		Data map[string]string `yaml:"data"`
	}
	if err := yaml.Unmarshal(output, &config); err != nil || config.Data["Caddyfile"] == "" {
		t.Fatalf("%v in %s", err, output)
	}
	return config.Data["Caddyfile"]
}
