package docs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// caddyfileBlock matches a whole Caddyfile in a page.
var caddyfileBlock = regexp.MustCompile("(?ms)^```caddyfile\n(.*?)^```$")

// caddyfiles returns every Caddyfile of the pages and the examples, by its place.
func caddyfiles(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, page := range repotest.FilesMatching(t, ".", "*.md") {
		text := repotest.ReadFile(t, page)
		for _, at := range caddyfileBlock.FindAllStringSubmatchIndex(text, -1) {
			line := 1 + strings.Count(text[:at[0]], "\n")
			found[fmt.Sprintf("%s:%d", page, line)] = text[at[2]:at[3]]
		}
	}
	for _, file := range append(repotest.FilesMatching(t, "examples", "*Caddyfile"), "xcaddy.Caddyfile") {
		found[file] = repotest.ReadFile(t, file)
	}
	return found
}

// environment has valid values for the environment variables of the Caddyfiles.
var environment = map[string]string{
	"ADMIN_PORT":               "2019",
	"ITSME_STORE_SECRET":       "0123456789abcdef0123456789abcdef",
	"PUBLIC_URL":               "https://app.example.be",
	"REDIS_PASSWORD":           "the password",
	"REPLICA_PORT":             "8081",
	"SIGNICAT_API_URL":         "https://api.signicat.com",
	"SIGNICAT_CLIENT_ID":       "sandbox-healthy-hat-239",
	"SIGNICAT_CLIENT_SECRET":   "the secret",
	"SIGNICAT_ACCOUNT_ID":      "a-spge-0123456789abcdefghij",
	"SIGNICAT_ORGANIZATION_ID": "o-p-0123456789",
}

var (
	environmentName = regexp.MustCompile(`\{(?:env\.|\$)([A-Z][A-Z0-9_]*)`)
	machineFile     = regexp.MustCompile(`/(?:etc|run|var/log)/[a-z/._-]+[a-z]`)
)

// TestCaddyfilesLoad validates every Caddyfile that a reader can copy, as caddy validate does, on a machine
// with its environment and files.
func TestCaddyfilesLoad(t *testing.T) {
	for where, caddyfile := range caddyfiles(t) {
		t.Run(where, func(t *testing.T) {
			for _, name := range environmentName.FindAllStringSubmatch(caddyfile, -1) {
				value, known := environment[name[1]]
				if !known {
					t.Fatalf("%s has no value; give it one in docs/caddyfile_test.go", name[1])
				}
				t.Setenv(name[1], value)
			}
			config, err := caddytest.Adapt(withFiles(t, caddyfile))
			if err != nil {
				t.Fatal(err)
			}
			if err := caddytest.Validate(config, t.TempDir()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

var (
	// anyBlock matches a block of a page, with its indentation and its language.
	anyBlock = regexp.MustCompile("(?ms)^( *)```([a-z]*)\n(.*?)^ *```$")
	// opened matches the first line of a block of a Caddyfile.
	opened = regexp.MustCompile(`(?m)\{$`)
)

// TestCaddyfilesAreFormatted compares every Caddyfile in a file, and every one or part of one in a page, with what
// caddy fmt writes.
func TestCaddyfilesAreFormatted(t *testing.T) {
	t.Parallel()
	check := func(where, text string) {
		if diff := cmp.Diff(string(caddyfile.Format([]byte(text))), text); diff != "" {
			t.Errorf("%s: write it as caddy fmt does (-formatted +file):\n%s", where, diff)
		}
	}
	files := append(repotest.FilesMatching(t, "examples", "*Caddyfile"), "xcaddy.Caddyfile")
	for _, file := range files {
		check(file, repotest.ReadFile(t, file))
	}
	blocks := 0
	for _, page := range repotest.FilesMatching(t, ".", "*.md") {
		for _, block := range anyBlock.FindAllStringSubmatch(repotest.ReadFile(t, page), -1) {
			text := strings.ReplaceAll("\n"+block[3], "\n"+block[1], "\n")[1:]
			if block[2] == "caddyfile" || block[2] == "" && opened.MatchString(text) {
				blocks++
				check(page, text)
			}
		}
	}
	if len(files) < 8 || blocks < 15 {
		t.Errorf("%d Caddyfiles and %d blocks are found, want all", len(files), blocks)
	}
}

// TestCaddyfilesMatchFoldersWhole looks for an itsme that matches /x/* and not /x: an operator who
// copies it leaves /x open.
func TestCaddyfilesMatchFoldersWhole(t *testing.T) {
	patterns := 0
	for where, caddyfile := range caddyfiles(t) {
		config, err := caddytest.Adapt(environmentPlaceholder.ReplaceAllString(caddyfile, "9"))
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		var tree any
		if err := json.Unmarshal(config, &tree); err != nil {
			t.Fatal(err)
		}
		for _, paths := range matchedPaths(tree) {
			patterns += len(paths)
			for _, path := range paths {
				if folder, ok := strings.CutSuffix(path, "/*"); ok && !slices.Contains(paths, folder) {
					t.Errorf("%s: itsme matches %s and not %s", where, path, folder)
				}
			}
		}
	}
	if patterns == 0 {
		t.Error("no Caddyfile shows an itsme with a path matcher")
	}
}

// environmentPlaceholder matches a variable that Caddy replaces before it reads a Caddyfile.
var environmentPlaceholder = regexp.MustCompile(`\{\$[A-Z_]+\}`)

// matchedPaths returns the paths that each itsme handler of a configuration matches.
func matchedPaths(tree any) (found [][]string) {
	switch node := tree.(type) {
	case []any:
		for _, element := range node {
			found = append(found, matchedPaths(element)...)
		}
	case map[string]any:
		if sets, ok := node["match"].([]any); ok && node["handler"] == "itsme" {
			var paths []string
			for _, set := range sets {
				patterns, _ := set.(map[string]any)["path"].([]any)
				for _, pattern := range patterns {
					paths = append(paths, pattern.(string))
				}
			}
			found = append(found, paths)
		}
		for _, member := range node {
			found = append(found, matchedPaths(member)...)
		}
	}
	return found
}

// withFiles replaces the files that a Caddyfile names by files in a temporary folder.
func withFiles(t *testing.T, caddyfile string) string {
	t.Helper()
	dir := t.TempDir()
	return machineFile.ReplaceAllStringFunc(caddyfile, func(name string) string {
		content := []byte("the secret")
		if filepath.Ext(name) == ".pem" {
			content = signingKey(t)
		}
		file := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	})
}

func signingKey(t *testing.T) []byte {
	t.Helper()
	key, err := token.GenerateKey(token.DefaultAlgorithm)
	if err != nil {
		t.Fatal(err)
	}
	text, err := key.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
