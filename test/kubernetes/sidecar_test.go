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

// listens is the port of the site in the Caddyfile.
var listens = regexp.MustCompile(`(?m)^http://:(\d+) \{$`)

func TestPortsAgree(t *testing.T) {
	t.Parallel()
	site := listens.FindSubmatch(read(t, "Caddyfile"))
	if site == nil {
		t.Fatal("the Caddyfile has no site on a port")
	}
	want, err := strconv.Atoi(string(site[1]))
	if err != nil {
		t.Fatal(err)
	}
	ports := gatewayOf(t).Ports
	if len(ports) != 1 || ports[0].Name != "http" || int(ports[0].ContainerPort) != want {
		t.Errorf("the container's ports are %v, the site's is %d", ports, want)
	}
	in := decode[networkingv1.NetworkPolicy](t, "kubernetes/networkpolicy.yaml").Spec.Ingress
	if len(in) != 1 || len(in[0].Ports) != 1 || in[0].Ports[0].Port.IntValue() != want || len(in[0].From) == 0 {
		t.Errorf("the policy allows %+v, and the site listens on %d", in, want)
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
	} {
		if diff := cmp.Diff(labels, selector); diff != "" {
			t.Errorf("the %s selects others (-pods +selector):\n%s", name, diff)
		}
	}
	claim := decode[corev1.PersistentVolumeClaim](t, "kubernetes/storage.yaml")
	if *d.Spec.Replicas > 1 && !slices.Equal(claim.Spec.AccessModes, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}) {
		t.Errorf("%d replicas cannot share a volume that is %v", *d.Spec.Replicas, claim.Spec.AccessModes)
	}
	var mounted []string
	for _, v := range d.Spec.Template.Spec.Volumes {
		mounted = append(mounted, v.Name)
		if from := v.PersistentVolumeClaim; from != nil && from.ClaimName != claim.Name {
			t.Errorf("volume %s: there is no claim %s", v.Name, from.ClaimName)
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
