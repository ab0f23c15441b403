//go:build clients

package clients_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

const generators = "generators"

// TestGeneratedTypeScriptLogsIn generates clients from the document that the gateway serves, compiles them,
// and logs in with each.
func TestGeneratedTypeScriptLogsIn(t *testing.T) {
	t.Parallel()
	gateway := startDemo(t)
	env := []string{"ITSME_GATEWAY=" + gateway}
	dir := workshop(t)
	saveDocument(t, gateway, dir)
	runPackage(t, dir, env, "openapi-typescript/bin/cli.js", "openapi.yaml", "--output", "openapi-typescript/paths.ts")
	runPackage(t, dir, env, "@hey-api/openapi-ts/bin/run.js", "--input", "openapi.yaml", "--output", "hey-api")
	runPackage(t, dir, env, "orval/dist/bin/orval.js", "--config", "orval.config.cjs")
	runPackage(t, dir, env, "typescript/bin/tsc", "--project", ".")
	for _, program := range []string{"openapi-fetch", "hey-api", "orval"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			run(t, dir, env, "node", "out/"+program+".js")
		})
	}
}

// TestGeneratedGoLogsIn does the same with oapi-codegen.
func TestGeneratedGoLogsIn(t *testing.T) {
	t.Parallel()
	gateway := startDemo(t)
	tools, err := filepath.Abs(root + "/tools/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	config, err := filepath.Abs(generators + "/oapi-codegen.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(generators+"/goclient")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "client"), 0o755); err != nil {
		t.Fatal(err)
	}
	saveDocument(t, gateway, dir)
	run(t, dir, nil, "go", "tool", "-modfile="+tools, "oapi-codegen", "-config", config, "-o", "client/client.go", "openapi.yaml")
	run(t, dir, []string{"ITSME_GATEWAY=" + gateway}, "go", "run", ".")
}

// TestLintersFindNoErrors lints both documents by the rules that each linter recommends.
func TestLintersFindNoErrors(t *testing.T) {
	t.Parallel()
	dir := workshop(t)
	documents := []string{"openapi.yaml", "admin-openapi.yaml"}
	for _, name := range documents {
		text, err := os.ReadFile(root + "/docs/" + name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	quiet := []string{"REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true"}
	runPackage(t, dir, quiet, "@redocly/cli/bin/cli.js", append([]string{"lint"}, documents...)...)
	runPackage(t, dir, nil, "@stoplight/spectral-cli/dist/index.js", append([]string{"lint", "--ruleset", "spectral.yaml"}, documents...)...)
}

// workshop copies the programs of generators into a folder of the test, beside the packages of npm.
func workshop(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, pattern := range []string{"*.ts", "*.json", "*.cjs", "*.yaml"} {
		files, err := filepath.Glob(filepath.Join(generators, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	packages, err := filepath.Abs(generators + "/node_modules")
	if err == nil {
		err = os.Symlink(packages, filepath.Join(dir, "node_modules"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// runPackage runs a program of an npm package.
func runPackage(t *testing.T, dir string, env []string, program string, args ...string) {
	t.Helper()
	run(t, dir, env, append([]string{"node", "node_modules/" + program}, args...)...)
}

// saveDocument writes the OpenAPI document that a gateway serves.
func saveDocument(t *testing.T, gateway, dir string) {
	t.Helper()
	answer, err := http.Get(gateway + "/itsme/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("the document: %d, %v", answer.StatusCode, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "openapi.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
}
