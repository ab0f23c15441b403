package repotest

import "testing"

// TestIgnoredFolders: a check that read what npm and pip install would judge the files of others, and take minutes.
func TestIgnoredFolders(t *testing.T) {
	t.Parallel()
	ignored := ignoredFolders(t)
	for folder, want := range map[string]bool{
		".git": true, "dist": true, "node_modules": true, "test/node/node_modules": true, "test/python/site": true,
		"examples/upstreams/java/target": true, "token/testdata/rapid": true,
		".": false, ".github": false, "docs": false, "docs/site": false, "test/dist": false, "token/testdata": false,
	} {
		if got := ignored(folder); got != want {
			t.Errorf("%s: ignored is %t, want %t", folder, got, want)
		}
	}
}
