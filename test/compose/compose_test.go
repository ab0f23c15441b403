package compose_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

const sidecar = "../../examples/sidecar"

// load reads a text as docker compose reads its file: interpolated, checked with the schema, and for consistency.
func load(t *testing.T, text string) (*types.Project, error) {
	t.Helper()
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  sidecar,
		ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml", Content: []byte(text)}},
		Environment: types.Mapping{"SIGNICAT_CLIENT_ID": "id"},
	}, func(o *loader.Options) { o.SetProjectName("sidecar", true) })
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sidecar, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	environmentName = regexp.MustCompile(`\{env\.([A-Z_]+)\}`)
	pinned          = regexp.MustCompile(`:\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$`)
)

// TestComposeFits compares the Compose file with its Caddyfile. The service is reachable through the gateway
// alone.
func TestComposeFits(t *testing.T) {
	t.Parallel()
	project, err := load(t, read(t, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range project.Services {
		if !pinned.MatchString(s.Image) {
			t.Errorf("%s: image %s", name, s.Image)
		}
	}
	front, app := project.Services["gateway"], project.Services["app"]
	if app.NetworkMode != "service:gateway" || len(app.Ports) > 0 {
		t.Errorf("the service can be reached around the gateway: %+v", app)
	}
	if !front.ReadOnly || !slices.Equal(front.CapDrop, []string{"ALL"}) {
		t.Errorf("the gateway is not confined: read_only %v, cap_drop %v", front.ReadOnly, front.CapDrop)
	}
	if port := front.Sysctls["net.ipv4.ip_unprivileged_port_start"]; port != "80" {
		t.Errorf("the image's user may listen from port %q on, and must listen on 80", port)
	}
	caddyfile := read(t, "compose.Caddyfile")
	for _, secret := range front.Secrets {
		if !strings.Contains(caddyfile, "{file./run/secrets/"+secret.Source+"}") {
			t.Errorf("the Caddyfile does not read the secret %s", secret.Source)
		}
	}
	for _, name := range environmentName.FindAllStringSubmatch(caddyfile, -1) {
		if _, ok := front.Environment[name[1]]; !ok {
			t.Errorf("the gateway has no %s", name[1])
		}
	}
	for _, mount := range front.Volumes {
		if mount.Type != types.VolumeTypeBind {
			continue // a volume that the file does not declare is an error of load
		}
		if _, err := os.Stat(mount.Source); err != nil {
			t.Errorf("%s is no volume and no file: %v", mount.Source, err)
		}
	}
}

// TestMistakesAreFound makes one mistake in the file and expects an error that names it.
func TestMistakesAreFound(t *testing.T) {
	t.Parallel()
	text := read(t, "compose.yaml")
	for _, row := range []struct{ name, right, wrong, want string }{
		{"unknown field of a service", "read_only:", "readonly:", "readonly"},
		{"unknown field of the file", "\nvolumes:", "\nvolume:", "volume"},
		{"unknown field of a secret", "file: ./secret", "files: ./secret", "files"},
		{"text for a truth value", "read_only: true", "read_only: sometimes", "read_only"},
		{"text for a list", "cap_drop: [ALL]", "cap_drop: ALL", "cap_drop"},
		{"text for a list of ports", "ports:\n      - \"80:80\"\n      - \"443:443\"", "ports: 80", "ports"},
		{"no duration", "stop_grace_period: 30s", "stop_grace_period: long", "stop_grace_period"},
		{"no port", `"80:80"`, `"eighty:80"`, "eighty"},
		{"undeclared volume", "- data:/data", "- date:/data", "date"},
		{"undeclared secret", "secrets:\n      - signicat", "secrets:\n      - signicate", "signicate"},
		{"network of an unknown service", "network_mode: service:gateway", "network_mode: service:gatway", "gatway"},
		{"dependence on an unknown service", "depends_on:\n      - gateway", "depends_on:\n      - gatway", "gatway"},
		{"repeated key", "    restart: unless-stopped\n    stop", "    restart: unless-stopped\n    restart: always\n    stop", "restart"},
		{"variable that is not set", "${SIGNICAT_CLIENT_ID:?", "${SIGNICAT_CLIENT:?", "SIGNICAT_CLIENT"},
	} {
		if !strings.Contains(text, row.right) {
			t.Fatalf("%s: the file has no %q", row.name, row.right)
		}
		if _, err := load(t, strings.Replace(text, row.right, row.wrong, 1)); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: loaded with error %v, want one that contains %q", row.name, err, row.want)
		}
	}
}
