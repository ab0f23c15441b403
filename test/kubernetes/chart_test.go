package kubernetes_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

// chart is the folder of the Helm chart.
const chart = "../../examples/helm"

// helmPath builds Helm once. Go keeps the program in its cache.
var helmPath = sync.OnceValues(func() (string, error) {
	path, err := exec.Command("go", "tool", "-modfile=../../tools/helm/go.mod", "-n", "helm").Output()
	return strings.TrimSpace(string(path)), err
})

// helm runs Helm with the chart, and with values in YAML.
func helm(t *testing.T, values string, args ...string) (output string, err error) {
	t.Helper()
	program, err := helmPath()
	if err != nil {
		t.Fatalf("building Helm: %v", err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "values.yaml")
	if err := os.WriteFile(file, []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, append(args, chart, "--values", file)...)
	command.Env = append(os.Environ(), "HELM_CACHE_HOME="+dir, "HELM_CONFIG_HOME="+dir, "HELM_DATA_HOME="+dir, "KUBECONFIG="+dir+"/none")
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%w: %s", err, stderr.String())
	}
	return stdout.String(), nil
}

// rendered returns the manifests of the chart, by kind and name.
func rendered(t *testing.T, values string) map[string]string {
	t.Helper()
	text, err := helm(t, values, "template", "demo", "--kube-version", release+".0")
	if err != nil {
		t.Fatal(err)
	}
	manifests := map[string]string{}
	for _, manifest := range strings.Split("\n"+text, "\n---\n") {
		if strings.TrimSpace(manifest) == "" {
			continue
		}
		var head struct {
			Kind     string
			Metadata struct{ Name string }
		}
		if err := yaml.Unmarshal([]byte(manifest), &head); err != nil {
			t.Fatalf("%v in %s", err, manifest)
		}
		name := head.Kind + " " + head.Metadata.Name
		if manifests[name] != "" {
			t.Errorf("the chart has %s twice", name)
		}
		manifests[name] = manifest
	}
	return manifests
}

// of reads one manifest of the chart into Kubernetes' own type.
func of[T any](t *testing.T, manifests map[string]string, name string) (manifest T) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(manifests[name]), &manifest); err != nil || manifests[name] == "" {
		t.Fatalf("%s: %v in %q", name, err, manifests[name])
	}
	return manifest
}

// settings are values of operators, each with the objects that the chart makes of them.
var settings = []struct{ name, values, objects string }{
	{"the defaults", "", "ConfigMap Deployment NetworkPolicy PodDisruptionBudget Service"},
	{"an ingress", "ingress: {enabled: true, className: nginx, annotations: {a: b}}", "ConfigMap Deployment Ingress NetworkPolicy PodDisruptionBudget Service"},
	{"one replica in memory", "replicas: 1\nredis: {enabled: false}\ndataVolume: {persistentVolumeClaim: {claimName: keys}}", "ConfigMap Deployment NetworkPolicy PodDisruptionBudget Service"},
	{"Sentinels over TLS", "redis: {addresses: ['10.0.0.5:26379', '10.0.0.6:26379'], sentinel: main, tls: true}", "ConfigMap Deployment NetworkPolicy PodDisruptionBudget Service"},
	{"a secret that changes", "secrets: {storeSecret: old, otherStoreSecret: new}", "ConfigMap Deployment NetworkPolicy PodDisruptionBudget Service"},
	{"no policy and no budget", "networkPolicy: {enabled: false}\npodDisruptionBudget: {enabled: false}\nspread: []", "ConfigMap Deployment Service"},
	{"an upstream elsewhere", "upstream: app.default.svc:80\nupstreamHealth: ''\ncontainers: []\nnetworkPolicy: {extraEgress: [{to: [{podSelector: {matchLabels: {app: app}}}], ports: [{port: 80}]}]}", "ConfigMap Deployment NetworkPolicy PodDisruptionBudget Service"},
	{"everything that a pod may need", `
image: {digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}
imagePullSecrets: [{name: registry}]
env: [{name: SSL_CERT_FILE, value: /etc/ssl/own/ca.pem}]
volumes: [{name: ca, configMap: {name: ca}}]
volumeMounts: [{name: ca, mountPath: /etc/ssl/own}]
podAnnotations: {a: b}
podLabels: {c: d}
nodeSelector: {disk: ssd}
tolerations: [{key: a, operator: Exists}]
affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists}]}]}}}
service: {type: LoadBalancer, annotations: {a: b}}
extraObjects:
  - {apiVersion: v1, kind: ServiceAccount, metadata: {name: extra}}
  - |
    apiVersion: v1
    kind: Service
    metadata: {name: '{{ include "itsme.name" . }}-headless'}
    spec: {clusterIP: None, selector: {app.kubernetes.io/instance: '{{ .Release.Name }}'}}
`, "ConfigMap Deployment NetworkPolicy PodDisruptionBudget Service Service ServiceAccount"},
}

// TestChartIsValid lints and renders the chart with each of the settings, and validates every object as kubectl
// validate does.
func TestChartIsValid(t *testing.T) {
	t.Parallel()
	v := newValidator(t)
	for _, row := range settings {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if output, err := helm(t, row.values, "lint", "--strict"); err != nil {
				t.Errorf("%v: %s", err, output)
			}
			manifests := rendered(t, row.values)
			var kinds []string
			for name, manifest := range manifests {
				if err := check(v, []byte(manifest)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				kinds = append(kinds, strings.Fields(name)[0])
			}
			if got := strings.Join(slices.Sorted(slices.Values(kinds)), " "); got != row.objects {
				t.Errorf("the chart makes %s, want %s", got, row.objects)
			}
		})
	}
}

// TestChartRefusesMistakes: a wrong value ends in a sentence, and in no pod.
func TestChartRefusesMistakes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, values, want string }{
		{"unknown value", "replica: 3", "additional properties 'replica' not allowed"},
		{"unknown value of Redis", "redis: {address: [a]}", "additional properties 'address' not allowed"},
		{"two replicas without Redis", "redis: {enabled: false}", "more than one needs redis.enabled"},
		{"killed too early", "shutdown: {grace: 40}", "shutdown.kill: 45 s is less than"},
		{"plain http", "publicURL: http://app.example.be", "/publicURL"},
		{"a path in the public URL", "publicURL: https://app.example.be/app", "/publicURL"},
		{"a second directive in the public URL", "publicURL: \"https://app.example.be\\n\\t\\tverify 0.0.0.0/0\"", "/publicURL"},
		{"a second directive in the upstream", "upstream: \"127.0.0.1:9000\\n\\tfile_server\"", "/upstream"},
		{"a second object in the namespace", "networkPolicy: {ingressNamespace: \"a\\n---\\nkind: Secret\"}", "/networkPolicy/ingressNamespace"},
		{"a tag that moves", "image: {tag: latest}", "/image/tag"},
		{"no address of Redis", "redis: {addresses: []}", "/redis/addresses"},
		{"a password in an address", "redis: {addresses: ['redis://gateway:the-password@redis.example.be:6379']}", "/redis/addresses/0"},
		{"a secret in the values", "secrets: {clientSecret: 'the secret'}", "/secrets/clientSecret"},
	} {
		output, err := helm(t, row.values, "template", "demo")
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: rendered with error %v, want one that contains %q\n%.300s", row.name, err, row.want, output)
		}
	}
}

// TestChartIsTheExample compares the chart's defaults with examples/sidecar: two copies would drift apart.
func TestChartIsTheExample(t *testing.T) {
	t.Parallel()
	manifests := rendered(t, "")
	const name = "demo-caddy-itsme"
	own := deploymentOf(t)
	plain := func(d appsv1.DeploymentSpec) appsv1.DeploymentSpec {
		d.Selector, d.Template.Labels = nil, nil
		delete(d.Template.Annotations, "checksum/caddyfile")
		pod := &d.Template.Spec
		for i := range pod.TopologySpreadConstraints {
			pod.TopologySpreadConstraints[i].LabelSelector = nil
		}
		for i := range pod.Containers {
			pod.Containers[i].ImagePullPolicy = ""
		}
		for i := range pod.Volumes {
			if pod.Volumes[i].ConfigMap != nil {
				pod.Volumes[i].ConfigMap.Name = ""
			}
		}
		return d
	}
	if diff := cmp.Diff(plain(own.Spec), plain(of[appsv1.Deployment](t, manifests, "Deployment "+name).Spec)); diff != "" {
		t.Errorf("the Deployments differ (-example +chart):\n%s", diff)
	}
	example := decode[networkingv1.NetworkPolicy](t, "kubernetes/networkpolicy.yaml").Spec
	policy := of[networkingv1.NetworkPolicy](t, manifests, "NetworkPolicy "+name).Spec
	example.PodSelector = policy.PodSelector // the labels differ
	if diff := cmp.Diff(example, policy); diff != "" {
		t.Errorf("the policies differ (-example +chart):\n%s", diff)
	}
	config := of[corev1.ConfigMap](t, manifests, "ConfigMap "+name).Data["Caddyfile"]
	if diff := cmp.Diff(lines(string(read(t, "Caddyfile"))), lines(config)); diff != "" {
		t.Errorf("the Caddyfiles differ (-example +chart):\n%s", diff)
	}
}

// lines returns a Caddyfile's lines without comments and empty ones.
func lines(text string) (kept []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		if code := strings.TrimSpace(line); code != "" && code[0] != '#' {
			kept = append(kept, line)
		}
	}
	return kept
}

// TestNewCaddyfileRestartsThePods: a pod reads the ConfigMap when it starts.
func TestNewCaddyfileRestartsThePods(t *testing.T) {
	t.Parallel()
	sum := func(values string) string {
		d := of[appsv1.Deployment](t, rendered(t, values), "Deployment demo-caddy-itsme")
		return d.Spec.Template.Annotations["checksum/caddyfile"]
	}
	first := sum("")
	if len(first) != 64 || sum("site: require min_age 18") == first || sum("resources: {limits: {memory: 1Gi}}") != first {
		t.Errorf("the checksum %s does not follow the Caddyfile", first)
	}
}
