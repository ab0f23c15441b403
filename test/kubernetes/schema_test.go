package kubernetes_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/kubectl-validate/pkg/openapiclient"
	"sigs.k8s.io/kubectl-validate/pkg/validator"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// release is the oldest Kubernetes that runs the manifests, and the newest that kubectl-validate has schemas of.
const release = "1.30"

func newValidator(t *testing.T) *validator.Validator {
	t.Helper()
	v, err := validator.New(openapiclient.NewHardcodedBuiltins(release))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// check validates one object as kubectl validate does.
func check(v *validator.Validator, manifest []byte) error {
	_, object, err := v.Parse(manifest)
	if err != nil {
		return err
	}
	return v.Validate(object)
}

// checkAll builds the kustomization as kubectl apply -k does, and validates every object of it and the Secret.
func checkAll(v *validator.Validator, files filesys.FileSystem) error {
	objects, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, "/")
	if err != nil {
		return err
	}
	secret, err := files.ReadFile("/kubernetes/secret.yaml")
	if err != nil {
		return err
	}
	all := []error{check(v, secret)}
	for _, object := range objects.Resources() {
		text, err := object.AsYAML()
		if err != nil {
			return err
		}
		if err := check(v, text); err != nil {
			all = append(all, fmt.Errorf("%s: %w", object.CurId(), err))
		}
	}
	return errors.Join(all...)
}

// sidecarFiles returns a copy of examples/sidecar in memory.
func sidecarFiles(t *testing.T) filesys.FileSystem {
	t.Helper()
	files := filesys.MakeFsInMemory()
	err := fs.WalkDir(os.DirFS(sidecar), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(sidecar, name))
		if err != nil {
			return err
		}
		return files.WriteFile("/"+name, text)
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestManifestsAreValid(t *testing.T) {
	t.Parallel()
	if err := checkAll(newValidator(t), sidecarFiles(t)); err != nil {
		t.Error(err)
	}
}

// TestMistakesAreFound makes one mistake in a manifest and expects an error that names it.
func TestMistakesAreFound(t *testing.T) {
	t.Parallel()
	v := newValidator(t)
	for _, row := range []struct{ name, file, right, wrong, want string }{
		{"unknown field of a container", "kubernetes/deployment.yaml", "containerPort:", "containersPort:", "spec.template.spec.containers[0].ports[0].containersPort: Invalid value: value provided for unknown field"},
		{"unknown field of a sleep", "kubernetes/deployment.yaml", "seconds: 5", "second: 5", "spec.template.spec.containers[0].lifecycle.preStop.sleep.second: Invalid value: value provided for unknown field"},
		{"text for a number", "kubernetes/deployment.yaml", "replicas: 2", "replicas: two", "spec.replicas: Invalid value"},
		{"text for a truth value", "kubernetes/deployment.yaml", "runAsNonRoot: true", "runAsNonRoot: sometimes", "spec.template.spec.securityContext.runAsNonRoot: Invalid value"},
		{"unknown version", "kubernetes/deployment.yaml", "apps/v1", "apps/v7", "apps/v7"},
		{"no selector", "kubernetes/deployment.yaml", "  selector:\n    matchLabels:\n      app: app\n", "", "spec.selector: Required value"},
		{"unknown field of a policy", "kubernetes/networkpolicy.yaml", "policyTypes:", "policyType:", "spec.policyType: Invalid value: value provided for unknown field"},
		{"text for a list of types", "kubernetes/networkpolicy.yaml", "policyTypes:\n    - Ingress\n    - Egress", "policyTypes: Ingress", "spec.policyTypes: Invalid value"},
		{"unknown field of a Service", "kubernetes/service.yaml", "targetPort:", "targetport:", "spec.ports[0].targetport: Invalid value: value provided for unknown field"},
		{"text for a port", "kubernetes/service.yaml", "port: 80", "port: eighty", "spec.ports[0].port: Invalid value"},
		{"unknown field of a budget", "kubernetes/budget.yaml", "maxUnavailable:", "maxUnavailible:", "spec.maxUnavailible: Invalid value: value provided for unknown field"},
		{"list for a policy of eviction", "kubernetes/budget.yaml", "AlwaysAllow", "[AlwaysAllow]", "spec.unhealthyPodEvictionPolicy: Invalid value"},
		{"unknown field of a spread", "kubernetes/deployment.yaml", "topologyKey:", "topologykey:", "topologySpreadConstraints[0].topologykey: Invalid value: value provided for unknown field"},
		{"unknown field of a Secret", "kubernetes/secret.yaml", "stringData:", "stringdata:", "stringdata: Invalid value: value provided for unknown field"},
		{"number for text of a Secret", "kubernetes/secret.yaml", `store-secret: ""`, "store-secret: 7", "stringData.store-secret: Invalid value"},
		{"unknown field of the kustomization", "kustomization.yaml", "resources:", "resource:", `unknown field "resource"`},
		{"text for a list of resources", "kustomization.yaml", "configMapGenerator:\n  - name: caddyfile\n    files:\n      - Caddyfile", "configMapGenerator: Caddyfile", "configMapGenerator"},
		{"missing file of the kustomization", "kustomization.yaml", "kubernetes/service.yaml", "kubernetes/services.yaml", "services.yaml"},
	} {
		files := sidecarFiles(t)
		text, err := files.ReadFile("/" + row.file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(text), row.right) == 0 {
			t.Fatalf("%s: %s has no %q", row.name, row.file, row.right)
		}
		if err := files.WriteFile("/"+row.file, []byte(strings.Replace(string(text), row.right, row.wrong, 1))); err != nil {
			t.Fatal(err)
		}
		if err := checkAll(v, files); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: checked with error %v, want one that contains %q", row.name, err, row.want)
		}
	}
}
