package kubernetes_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// sidecar is the folder of the manifests.
const sidecar = "../../examples/sidecar"

// decode reads a manifest into Kubernetes' own type. An unknown or repeated key is an error.
func decode[T any](t *testing.T, name string) (manifest T) {
	t.Helper()
	if err := yaml.UnmarshalStrict(read(t, name), &manifest); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return manifest
}

// headOf reads the kind and the name of a manifest.
func headOf(t *testing.T, name string) (head metav1.PartialObjectMetadata) {
	t.Helper()
	if err := yaml.Unmarshal(read(t, name), &head); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return head
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sidecar, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func deploymentOf(t *testing.T) appsv1.Deployment {
	t.Helper()
	return decode[appsv1.Deployment](t, "kubernetes/deployment.yaml")
}

// gatewayOf returns the container of the gateway.
func gatewayOf(t *testing.T) corev1.Container {
	t.Helper()
	for _, c := range deploymentOf(t).Spec.Template.Spec.Containers {
		if c.Name == "gateway" {
			return c
		}
	}
	t.Fatal("there is no container gateway")
	return corev1.Container{}
}

// listens is the port of a site in the Caddyfile.
var listens = regexp.MustCompile(`(?m)^http://:(\d+) \{$`)

// TestPortsAgree compares the sites of the Caddyfile with the ports of the container, and with what the policy allows:
// requests for the first, and for the second, of metrics and the service's probe.
func TestPortsAgree(t *testing.T) {
	t.Parallel()
	var sites []int32
	for _, site := range listens.FindAllSubmatch(read(t, "Caddyfile"), -1) {
		port, err := strconv.ParseInt(string(site[1]), 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		sites = append(sites, int32(port))
	}
	want := []corev1.ContainerPort{{Name: "http", ContainerPort: sites[0]}, {Name: "metrics", ContainerPort: sites[1]}}
	if diff := cmp.Diff(want, gatewayOf(t).Ports); diff != "" {
		t.Errorf("the container has other ports (-sites +container):\n%s", diff)
	}
	var allowed []int32
	for _, rule := range decode[networkingv1.NetworkPolicy](t, "kubernetes/networkpolicy.yaml").Spec.Ingress {
		if len(rule.From) == 0 {
			t.Errorf("the policy allows %v to all", rule.Ports)
		}
		for _, port := range rule.Ports {
			allowed = append(allowed, int32(port.Port.IntValue()))
		}
	}
	if diff := cmp.Diff(sites, allowed); diff != "" {
		t.Errorf("the policy allows other ports (-sites +policy):\n%s", diff)
	}
	if got := deploymentOf(t).Spec.Template.Annotations["prometheus.io/port"]; got != strconv.Itoa(int(sites[1])) {
		t.Errorf("Prometheus reads port %s, and the metrics are at %d", got, sites[1])
	}
	for _, port := range decode[corev1.Service](t, "kubernetes/service.yaml").Spec.Ports {
		if port.TargetPort.StrVal != "http" {
			t.Errorf("the Service sends to port %s, and the gateway's is http", port.TargetPort.String())
		}
	}
}

// TestProbesAreEndpoints compares the probes with the paths of the OpenAPI document.
func TestProbesAreEndpoints(t *testing.T) {
	t.Parallel()
	document := string(read(t, "../../docs/openapi.yaml"))
	c := gatewayOf(t)
	const path, live, ready = "/itsme", "/health/live", "/health/ready"
	if !strings.Contains(document, "\n        default: \""+path+"\"\n") {
		t.Errorf("docs/openapi.yaml has another default path than %s", path)
	}
	for _, row := range []struct {
		name, path string
		probe      *corev1.Probe
	}{
		{"startup", live, c.StartupProbe},
		{"liveness", live, c.LivenessProbe},
		{"readiness", ready, c.ReadinessProbe},
	} {
		if row.probe == nil || row.probe.HTTPGet == nil || row.probe.HTTPGet.Path != path+row.path || row.probe.HTTPGet.Port.StrVal != "http" {
			t.Errorf("the %s probe asks %+v, want %s", row.name, row.probe, path+row.path)
		}
		if !strings.Contains(document, "\n  "+row.path+":\n") {
			t.Errorf("docs/openapi.yaml has no %s", row.path)
		}
	}
}

var (
	environmentName = regexp.MustCompile(`\{env\.([A-Z_]+)\}`)
	pinned          = regexp.MustCompile(`:\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$`)
)

// TestSecretsAgree follows each variable of the Caddyfile to the Secret.
func TestSecretsAgree(t *testing.T) {
	t.Parallel()
	kept := decode[corev1.Secret](t, "kubernetes/secret.yaml")
	given := map[string]string{}
	for _, e := range gatewayOf(t).Env {
		if e.ValueFrom != nil {
			given[e.Name] = e.ValueFrom.SecretKeyRef.Name + " " + e.ValueFrom.SecretKeyRef.Key
		}
	}
	for _, name := range environmentName.FindAllStringSubmatch(string(read(t, "Caddyfile")), -1) {
		holder, key, _ := strings.Cut(given[name[1]], " ")
		if _, ok := kept.StringData[key]; !ok || holder != kept.Name {
			t.Errorf("%s comes from %q, which the Secret does not hold", name[1], given[name[1]])
		}
		delete(given, name[1])
	}
	if len(given) > 0 {
		t.Errorf("nothing in the Caddyfile needs %v", given)
	}
	for key, value := range kept.StringData {
		if value != "" {
			t.Errorf("the Secret in the repository has a value for %s", key)
		}
	}
}

// TestLabelsAndVolumesAgree looks up everything that a manifest names in another.
func TestLabelsAndVolumesAgree(t *testing.T) {
	t.Parallel()
	d := deploymentOf(t)
	labels := d.Spec.Template.Labels
	for name, selector := range map[string]map[string]string{
		"Deployment":    d.Spec.Selector.MatchLabels,
		"Service":       decode[corev1.Service](t, "kubernetes/service.yaml").Spec.Selector,
		"NetworkPolicy": decode[networkingv1.NetworkPolicy](t, "kubernetes/networkpolicy.yaml").Spec.PodSelector.MatchLabels,
		"budget":        decode[policyv1.PodDisruptionBudget](t, "kubernetes/budget.yaml").Spec.Selector.MatchLabels,
		"spread":        d.Spec.Template.Spec.TopologySpreadConstraints[0].LabelSelector.MatchLabels,
	} {
		if diff := cmp.Diff(labels, selector); diff != "" {
			t.Errorf("the %s selects others (-pods +selector):\n%s", name, diff)
		}
	}
	var mounted []string
	for _, v := range d.Spec.Template.Spec.Volumes {
		mounted = append(mounted, v.Name)
		if v.PersistentVolumeClaim != nil {
			t.Errorf("the replicas share volume %s: the keys are in the store", v.Name)
		}
	}
	for _, m := range gatewayOf(t).VolumeMounts {
		if !slices.Contains(mounted, m.Name) {
			t.Errorf("there is no volume %s", m.Name)
		}
	}
}

// TestGatewayHasTimeToFinish compares how long Caddy takes with how long it gets.
func TestGatewayHasTimeToFinish(t *testing.T) {
	t.Parallel()
	const graceful, spare = 15, 10 // grace_period, and what the gateway takes at most beyond it
	if !strings.Contains(string(read(t, "Caddyfile")), "grace_period 15s") {
		t.Fatal("the Caddyfile has another grace_period")
	}
	slept := gatewayOf(t).Lifecycle.PreStop.Sleep.Seconds
	if got := *deploymentOf(t).Spec.Template.Spec.TerminationGracePeriodSeconds; slept == 0 || got < slept+graceful+spare {
		t.Errorf("the pod is killed after %d s, %d of them asleep", got, slept)
	}
	for _, c := range deploymentOf(t).Spec.Template.Spec.Containers {
		if asleep := c.Lifecycle.PreStop.Sleep.Seconds; c.Name != "gateway" && asleep < slept+graceful {
			t.Errorf("%s ends after %d s, and the gateway needs it for %d s", c.Name, asleep, slept+graceful)
		}
	}
}

// TestServicesProbeGoesThroughTheGateway: the service listens on loopback, where kubelet cannot reach it. A named port
// would be looked up in the service's own container.
func TestServicesProbeGoesThroughTheGateway(t *testing.T) {
	t.Parallel()
	metrics := gatewayOf(t).Ports[1].ContainerPort
	for _, c := range deploymentOf(t).Spec.Template.Spec.Containers {
		if c.Name == "gateway" {
			continue
		}
		probe := c.ReadinessProbe
		if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Port.IntVal != metrics || probe.HTTPGet.Host != "" ||
			!strings.Contains(string(read(t, "Caddyfile")), "handle "+probe.HTTPGet.Path+" {") {
			t.Errorf("%s: the readiness probe asks %+v, which the gateway does not answer", c.Name, probe)
		}
		if c.LivenessProbe != nil && c.LivenessProbe.HTTPGet != nil {
			t.Errorf("%s restarts when the gateway is at fault", c.Name)
		}
	}
}

func TestImagesArePinnedAndConfined(t *testing.T) {
	t.Parallel()
	for _, c := range deploymentOf(t).Spec.Template.Spec.Containers {
		s := c.SecurityContext
		if !pinned.MatchString(c.Image) || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) {
			t.Errorf("%s: image %s, %+v", c.Name, c.Image, s)
		}
	}
}

// TestKustomizationIsWhole builds it and wants every manifest in it but the Secret, and the Caddyfile that the
// gateway mounts.
func TestKustomizationIsWhole(t *testing.T) {
	t.Parallel()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), sidecar)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	var deployment appsv1.Deployment
	var config corev1.ConfigMap
	for _, object := range built.Resources() {
		text, err := object.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		switch object.GetKind() {
		case "Deployment":
			err = yaml.Unmarshal(text, &deployment)
		case "ConfigMap":
			err = yaml.Unmarshal(text, &config)
		}
		if err != nil {
			t.Fatal(err)
		}
		if object.GetKind() != "ConfigMap" {
			got = append(got, object.GetKind()+" "+object.GetName())
		}
	}
	manifests, err := filepath.Glob(sidecar + "/kubernetes/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range manifests {
		object := headOf(t, "kubernetes/"+filepath.Base(file))
		if object.Kind != "Secret" {
			want = append(want, object.Kind+" "+object.Name)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("it builds others (-folder +kustomization):\n%s", diff)
	}
	if config.Data["Caddyfile"] != string(read(t, "Caddyfile")) {
		t.Errorf("the ConfigMap holds %q", config.Data)
	}
	for _, v := range deployment.Spec.Template.Spec.Volumes {
		if v.ConfigMap != nil && v.ConfigMap.Name != config.Name {
			t.Errorf("volume %s: the ConfigMap is named %s, not %s", v.Name, config.Name, v.ConfigMap.Name)
		}
	}
}
