// Package sidecar_test checks that the manifests fit together, and the gateway's configuration.
package sidecar_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// decode reads a manifest. A key that the type does not have, such as a misspelt one, is an error.
func decode[T any](t *testing.T, name string) (manifest T) {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewReader(read(t, name)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&manifest); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return manifest
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func deploymentOf(t *testing.T) deployment {
	t.Helper()
	return decode[deployment](t, "kubernetes/deployment.yaml")
}

// gatewayOf is the container of the gateway.
func gatewayOf(t *testing.T) container {
	t.Helper()
	for _, c := range deploymentOf(t).Spec.Template.Spec.Containers {
		if c.Name == "gateway" {
			return c
		}
	}
	t.Fatal("there is no container gateway")
	return container{}
}

// listens is the port of the site in the Caddyfile.
var listens = regexp.MustCompile(`(?m)^http://:(\d+) \{$`)

func TestPortsAgree(t *testing.T) {
	t.Parallel()
	site := listens.FindSubmatch(read(t, "Caddyfile"))
	if site == nil {
		t.Fatal("the Caddyfile has no site on a port")
	}
	want := string(site[1])
	ports := gatewayOf(t).Ports
	policy := decode[networkPolicy](t, "kubernetes/networkpolicy.yaml")
	if len(ports) != 1 || ports[0].Name != "http" || ports[0].ContainerPort != want {
		t.Errorf("the container's ports are %v, the site's is %s", ports, want)
	}
	if in := policy.Spec.Ingress; len(in) != 1 || len(in[0].Ports) != 1 || in[0].Ports[0].Port != want || len(in[0].From) == 0 {
		t.Errorf("the policy lets in %+v, and the site listens on %s", in, want)
	}
	for _, port := range decode[service](t, "kubernetes/service.yaml").Spec.Ports {
		if port.TargetPort != "http" {
			t.Errorf("the Service leads to the port %s, which is not the gateway's", port.TargetPort)
		}
	}
}

func TestProbesAreEndpoints(t *testing.T) {
	t.Parallel()
	c := gatewayOf(t)
	const live, ready = gateway.DefaultPath + "/health/live", gateway.DefaultPath + "/health/ready"
	for _, row := range []struct {
		name, path string
		probe      probe
	}{
		{"startup", live, c.StartupProbe},
		{"liveness", live, c.LivenessProbe},
		{"readiness", ready, c.ReadinessProbe},
	} {
		if row.probe.HTTPGet.Path != row.path || row.probe.HTTPGet.Port != "http" {
			t.Errorf("the %s probe asks %+v, want %s", row.name, row.probe.HTTPGet, row.path)
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
	kept := decode[secret](t, "kubernetes/secret.yaml")
	given := map[string]string{}
	for _, e := range gatewayOf(t).Env {
		if from := e.ValueFrom.SecretKeyRef; from.Key != "" {
			given[e.Name] = from.Name + " " + from.Key
		}
	}
	for _, name := range environmentName.FindAllStringSubmatch(string(read(t, "Caddyfile")), -1) {
		holder, key, _ := strings.Cut(given[name[1]], " ")
		if _, ok := kept.StringData[key]; !ok || holder != kept.Metadata.Name {
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
	labels := d.Spec.Template.Metadata.Labels
	for name, selector := range map[string]map[string]string{
		"Deployment":    d.Spec.Selector.MatchLabels,
		"Service":       decode[service](t, "kubernetes/service.yaml").Spec.Selector,
		"NetworkPolicy": decode[networkPolicy](t, "kubernetes/networkpolicy.yaml").Spec.PodSelector.MatchLabels,
	} {
		if diff := cmp.Diff(labels, selector); diff != "" {
			t.Errorf("the %s selects others (-pods +selector):\n%s", name, diff)
		}
	}
	claim := decode[volumeClaim](t, "kubernetes/storage.yaml")
	if d.Spec.Replicas > 1 && !slices.Equal(claim.Spec.AccessModes, []string{"ReadWriteMany"}) {
		t.Errorf("%d replicas cannot share a volume that is %v", d.Spec.Replicas, claim.Spec.AccessModes)
	}
	var mounted []string
	for _, v := range d.Spec.Template.Spec.Volumes {
		mounted = append(mounted, v.Name)
		if from := v.PersistentVolumeClaim.ClaimName; from != "" && from != claim.Metadata.Name {
			t.Errorf("nobody claims the volume %s", from)
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
	if got := deploymentOf(t).Spec.Template.Spec.TerminationGracePeriodSeconds; slept == 0 || got < slept+graceful+spare {
		t.Errorf("the pod is killed after %d s, %d of them asleep", got, slept)
	}
}

func TestImagesArePinnedAndConfined(t *testing.T) {
	t.Parallel()
	for _, c := range deploymentOf(t).Spec.Template.Spec.Containers {
		s := c.SecurityContext
		if !pinned.MatchString(c.Image) || !s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) {
			t.Errorf("%s: image %s, %+v", c.Name, c.Image, s)
		}
	}
}

// TestKustomizationIsWhole wants every manifest in it, but the secret.
func TestKustomizationIsWhole(t *testing.T) {
	t.Parallel()
	k := decode[kustomization](t, "kustomization.yaml")
	want, err := filepath.Glob("kubernetes/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want = slices.DeleteFunc(want, func(name string) bool { return name == "kubernetes/secret.yaml" })
	if diff := cmp.Diff(want, k.Resources); diff != "" {
		t.Errorf("it lists others (-folder +kustomization):\n%s", diff)
	}
	if g := k.ConfigMapGenerator; len(g) != 1 || g[0].Name != "caddyfile" || !slices.Equal(g[0].Files, []string{"Caddyfile"}) {
		t.Errorf("it makes %+v", g)
	}
}
