package repotest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
)

// registries are hosts of package registries and their mirrors, in two parts so that this file names none.
var registries = [][2]string{
	{"proxy.golang", ".org"},
	{"sum.golang", ".org"},
	{"goproxy", ".io"},
	{"registry.npmjs", ".org"},
	{"registry.yarnpkg", ".com"},
	{"npm.pkg.github", ".com"},
	{"pypi", ".org"},
	{"pythonhosted", ".org"},
	{"repo.maven.apache", ".org"},
	{"repo1.maven", ".org"},
	{"deb.debian", ".org"},
	{"archive.ubuntu", ".com"},
	{"index.crates", ".io"},
	{"registry-1.docker", ".io"},
}

// TestNoFileNamesARegistry: many organisations reach packages through a mirror of their own. The package manager of
// the reader knows it, and a command with another host fails there.
func TestNoFileNamesARegistry(t *testing.T) {
	t.Parallel()
	files := repotest.FilesMatching(t, ".", "*")
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
			continue // a link, or what another test has just removed
		}
		text := strings.ToLower(repotest.ReadFile(t, file))
		for _, host := range registries {
			if name := strings.Join(host[:], ""); strings.Contains(text, name) {
				t.Errorf("%s names %s: leave the host to the package manager, and take a proxy from go env GOPROXY", file, name)
			}
		}
	}
	if len(files) < 500 {
		t.Errorf("%d files are read, want the whole repository", len(files))
	}
}
