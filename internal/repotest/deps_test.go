package repotest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) { repotest.Main(m) }

const (
	module    = "github.com/caddy-itsme/caddy-itsme"
	simulator = module + "/signicat/signicattest"
)

// rooms lists the parts of the module with their floors. A package may import packages of its own room and of
// lower floors, and no other room on its own floor.
var rooms = []struct {
	path  string // below the module; the root package is empty
	floor int
	caddy bool // may link Caddy and zap
}{
	{"", 11, true},
	{"bench", 11, true},
	{"examples", 11, true},
	{"cmd", 10, true},
	{"caddymodule", 9, true},
	{"caddymodule/internal/command", 8, true},
	{"caddymodule/internal/doctor", 7, true},
	{"caddymodule/internal/coverage", 6, true},
	{"caddymodule/internal/firstlogin", 6, false},
	{"caddymodule/internal/metrics", 6, true},
	{"caddymodule/internal/block", 6, true},
	{"caddymodule/internal/keystorage", 6, true},
	{"caddymodule/internal/request", 6, true},
	{"gateway", 5, false},
	{"gateway/internal/cachecontrol", 4, false},
	{"gateway/internal/identity", 4, false},
	{"gateway/internal/login", 4, false},
	{"gateway/internal/page", 4, false},
	{"gateway/internal/dpop", 3, false}, // identity and login check proofs with it
	{"keyring", 3, false},
	{"store", 3, false},
	{"signicat", 2, false},
	{"token", 2, false},
	{"attribute", 2, false},
	{"internal/span", 1, false},
	{"internal/clockwatch", 1, false},
	{"internal/together", 1, false},
	{"internal/loglimit", 1, false},
	{"internal/regularfile", 1, false},
	{"internal/configdoc", 1, false},
	{"internal/mutate", 1, false},
	{"docs", 1, false},
	{"internal/loopback", 1, false},
	{"internal/strictjson", 1, false},
}

// withSimulator are the programs that link the simulator.
var withSimulator = []string{module + "/cmd/caddy-itsme", module + "/cmd/signicat-sim"}

// withoutHTTP is the engine of the logins. Its callers read requests and write answers.
const withoutHTTP = module + "/gateway/internal/login"

// listed is a package in the output of go list, without its tests.
type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func TestDependenciesPointDown(t *testing.T) {
	t.Parallel()
	packages := list(t)
	if len(packages) < 5 {
		t.Fatalf("go list found %d packages", len(packages))
	}
	for _, p := range packages {
		for _, violation := range violations(p) {
			t.Error(violation)
		}
	}
}

// list returns the packages of this module.
func list(t *testing.T) (packages []listed) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", "./...")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("reading go list: %v", err)
		}
		packages = append(packages, p)
	}
}

// violations returns a sentence for every rule that a package breaks.
func violations(p listed) (broken []string) {
	if forTests(p.ImportPath) {
		return nil
	}
	from, ok := room(p.ImportPath)
	if !ok {
		return []string{p.ImportPath + " has no room: give it one in deps_test.go"}
	}
	report := func(what string) { broken = append(broken, p.ImportPath+what) }
	for _, path := range p.Imports {
		if within(path, module) && !mayImport(p.ImportPath, path) {
			report(" imports " + path)
		}
	}
	for _, path := range p.Deps {
		if !rooms[from].caddy && isCaddy(path) {
			report(" links " + path)
		}
	}
	if slices.Contains(p.Deps, "testing") {
		report(" links testing")
	}
	if p.ImportPath == withoutHTTP && slices.Contains(p.Imports, "net/http") {
		report(" imports net/http")
	}
	if slices.Contains(p.Deps, simulator) && !mayLinkSimulator(p.ImportPath) {
		report(" links the simulator")
	}
	return broken
}

// mayImport reports whether one of our packages may import another.
func mayImport(from, to string) bool {
	a, _ := room(from)
	b, ok := room(to)
	switch {
	case !ok || forTests(to):
		return false
	case within(from, simulator):
		// A mistake that it shared with the client would pass the tests of the client.
		return within(to, simulator)
	case a == b:
		return true
	default:
		return rooms[b].floor < rooms[a].floor
	}
}

// forTests reports whether a package is for tests only, by its name. It may import every package; only tests and
// packages for tests import it. The simulator is a product.
func forTests(path string) bool {
	if path == simulator {
		return false
	}
	return strings.HasSuffix(path, "test") || strings.HasSuffix(path, "/conformance")
}

// mayLinkSimulator reports whether a program may link the simulator: a gateway in production must not have an
// itsme that approves every login.
func mayLinkSimulator(path string) bool {
	return within(path, simulator) || slices.ContainsFunc(withSimulator, func(program string) bool { return within(path, program) })
}

// room returns the innermost room that a package is in.
func room(path string) (index int, ok bool) {
	index = -1
	for i, r := range rooms {
		root := r.path == "" && path == module
		if root || r.path != "" && within(path, module+"/"+r.path) {
			index = i
		}
	}
	return index, index >= 0
}

func within(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}

func isCaddy(path string) bool {
	return strings.HasPrefix(path, "github.com/caddyserver/") || within(path, "go.uber.org/zap")
}

// TestViolationsAreSeen breaks each rule once.
func TestViolationsAreSeen(t *testing.T) {
	t.Parallel()
	imports := func(path string) listed { return listed{Imports: []string{"fmt", module + path}} }
	links := func(path string) listed { return listed{Deps: []string{"fmt", path}} }
	for name, row := range map[string]struct {
		path string
		listed
		want string
	}{
		"down":                           {"/gateway", imports("/token"), ""},
		"down over a floor":              {"/caddymodule", imports("/store"), ""},
		"keys down":                      {"/keyring", imports("/token"), ""},
		"keys sideways":                  {"/keyring", imports("/gateway"), "/keyring imports /gateway"},
		"keys up from the store":         {"/store/redis", imports("/keyring"), "/store/redis imports /keyring"},
		"Caddy in the keys":              {"/keyring", links("github.com/caddyserver/certmagic"), "/keyring links github.com/caddyserver/certmagic"},
		"within a room":                  {"/store", imports("/store/redis"), ""},
		"down to an inner room":          {"/gateway", imports("/gateway/internal/page"), ""},
		"between inner rooms":            {"/gateway/internal/identity", imports("/gateway/internal/page"), "/gateway/internal/identity imports /gateway/internal/page"},
		"up from an inner room":          {"/gateway/internal/page", imports("/gateway"), "/gateway/internal/page imports /gateway"},
		"up":                             {"/token", imports("/gateway"), "/token imports /gateway"},
		"up to the root":                 {"/caddymodule", imports(""), "/caddymodule imports "},
		"down from the adapter":          {"/caddymodule", imports("/caddymodule/internal/doctor"), ""},
		"up to the adapter":              {"/caddymodule/internal/doctor", imports("/caddymodule"), "/caddymodule/internal/doctor imports /caddymodule"},
		"sideways in the adapter":        {"/caddymodule/internal/metrics", imports("/caddymodule/internal/block"), "/caddymodule/internal/metrics imports /caddymodule/internal/block"},
		"sideways":                       {"/signicat", imports("/token"), "/signicat imports /token"},
		"sideways on the ground floor":   {"/attribute", imports("/signicat"), "/attribute imports /signicat"},
		"the simulator with a client":    {"/signicat/signicattest", imports("/signicat"), "/signicat/signicattest imports /signicat"},
		"the simulator in the demo":      {"/cmd/caddy-itsme", links(simulator), ""},
		"the simulator in the module":    {"", links(simulator), " links the simulator"},
		"the simulator in a new program": {"/cmd/other", links(simulator), "/cmd/other links the simulator"},
		"a test's suite in a program":    {"/cmd/caddy-itsme", imports("/store/storetest"), "/cmd/caddy-itsme imports /store/storetest"},
		"testing in a test's suite":      {"/store/storetest", links("testing"), ""},
		"testing in a program":           {"/cmd/signicat-sim", links("testing"), "/cmd/signicat-sim links testing"},
		"testing in the module":          {"", links("testing"), " links testing"},
		"Caddy at the edge":              {"/caddymodule", links("github.com/caddyserver/caddy/v2"), ""},
		"Caddy in the core":              {"/gateway", links("github.com/caddyserver/caddy/v2"), "/gateway links github.com/caddyserver/caddy/v2"},
		"zap in the core":                {"/signicat", links("go.uber.org/zap/zapcore"), "/signicat links go.uber.org/zap/zapcore"},
		"HTTP in the engine":             {"/gateway/internal/login", listed{Imports: []string{"net/http"}}, "/gateway/internal/login imports net/http"},
		"the engine up":                  {"/gateway/internal/login", imports("/gateway"), "/gateway/internal/login imports /gateway"},
		"a new room":                     {"/util", listed{}, "/util has no room: give it one in deps_test.go"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := row.listed
			p.ImportPath = module + row.path
			got := strings.ReplaceAll(strings.Join(violations(p), "\n"), module, "")
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("violations differ (-want +got):\n%s", diff)
			}
		})
	}
}
