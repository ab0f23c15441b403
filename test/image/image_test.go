package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

// run runs a program and returns what it printed.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	command := exec.Command(program, args...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, stderr.String())
	}
	return string(output)
}

// built returns a binary as make dist builds it, but for -trimpath, with which nothing that was compiled
// before could be used.
func built(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "caddy-itsme-linux-"+runtime.GOARCH)
	run(t, "go", "build", "-C", root, "-tags", "nobadger,nomysql,nopgx", "-ldflags", "-w", "-o", binary, "./cmd/caddy-itsme")
	return binary
}

// imaged returns the folder of the image of a binary.
func imaged(t *testing.T, binary string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "image")
	run(t, "go", "run", "-C", filepath.Join(root, "tools/image"), ".", "-output", folder, binary)
	return folder
}

// The image is a function of the binary: a second run writes the same bytes. Its user logs in over TLS
// from the image's own file system, which holds nothing but the binary.
func TestImage(t *testing.T) {
	t.Parallel()
	binary := built(t)
	folder := imaged(t, binary)
	if diff := cmp.Diff(digests(t, folder), digests(t, imaged(t, binary))); diff != "" {
		t.Errorf("two images of one binary differ (-first +second):\n%s", diff)
	}

	t.Run("documents", func(t *testing.T) {
		t.Parallel()
		wantDocuments(t, folder, binary)
	})
	t.Run("login", func(t *testing.T) {
		t.Parallel()
		wantLogin(t, unpacked(t, folder))
	})
}

// digests returns the SHA-256 of every file of a folder.
func digests(t *testing.T, folder string) map[string]string {
	t.Helper()
	sums := make(map[string]string)
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		sum := sha256.Sum256(data)
		sums[strings.TrimPrefix(path, folder)] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// unpacked returns the file system of the image.
func unpacked(t *testing.T, folder string) (rootfs string) {
	t.Helper()
	bundle := filepath.Join(t.TempDir(), "bundle")
	args := []string{"unpack", "--image", folder + ":release", bundle}
	if os.Getuid() != 0 {
		args = append([]string{"unpack", "--rootless"}, args[1:]...)
	}
	run(t, "umoci", args...)
	var config struct {
		Process struct {
			Args, Env []string
			User      struct{ UID, GID int }
		}
	}
	text, err := os.ReadFile(filepath.Join(bundle, "config.json"))
	if err == nil {
		err = json.Unmarshal(text, &config)
	}
	if err != nil {
		t.Fatal(err)
	}
	if u := config.Process.User; u.UID != user || u.GID != user {
		t.Errorf("the image runs as %d:%d, want %d:%d", u.UID, u.GID, user, user)
	}
	if diff := cmp.Diff(entrypoint, config.Process.Args); diff != "" {
		t.Errorf("the command differs (-want +got):\n%s", diff)
	}
	for _, variable := range environment {
		if !strings.Contains(strings.Join(config.Process.Env, "\n")+"\n", variable+"\n") {
			t.Errorf("the environment is %q, without %s", config.Process.Env, variable)
		}
	}
	return filepath.Join(bundle, "rootfs")
}

// wantDocuments compares the SPDX document with what go version -m prints of the binary.
func wantDocuments(t *testing.T, folder, binary string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, filepath.Base(binary)+".spdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		SPDXVersion string
		Packages    []struct {
			Name, SPDXID, VersionInfo string
			Checksums                 []struct{ ChecksumValue string }
		}
		Relationships []struct{ SPDXElementID, RelationshipType, RelatedSPDXElement string }
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	linked, needed := map[string]string{}, map[string]bool{}
	for _, p := range document.Packages {
		if strings.HasPrefix(p.Name, "github.com/caddy-itsme/") {
			data, err := os.ReadFile(binary)
			if sum := sha256.Sum256(data); err != nil || len(p.Checksums) != 1 || p.Checksums[0].ChecksumValue != hex.EncodeToString(sum[:]) {
				t.Errorf("%s has the checksums %v, want that of the binary", p.Name, p.Checksums)
			}
			continue
		}
		linked[p.Name], needed[p.SPDXID] = p.VersionInfo, true
	}
	for _, r := range document.Relationships {
		if r.RelationshipType == "DEPENDS_ON" {
			delete(needed, r.RelatedSPDXElement)
		}
	}
	if len(needed) != 0 {
		t.Errorf("no relationship names %v", needed)
	}
	want := map[string]string{"stdlib": strings.TrimPrefix(runtime.Version(), "go")}
	for line := range strings.Lines(run(t, "go", "version", "-m", binary)) {
		if fields := strings.Fields(line); len(fields) >= 3 && fields[0] == "dep" {
			want[fields[1]] = fields[2]
		}
	}
	if diff := cmp.Diff(want, linked); diff != "" {
		t.Errorf("the packages differ from the modules that are linked (-want +got):\n%s", diff)
	}
	if len(linked) < 50 {
		t.Errorf("%d modules are linked, want those of Caddy", len(linked))
	}
}
