package docs_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
	"github.com/caddy-itsme/caddy-itsme/store"
)

const (
	mobilePage     = "docs/mobile.md"
	mobileCodePage = "docs/mobile-code.md"
)

// TestMobileErrors compares the page with the gateway's table of failures: it has a row for every error and
// every problem, and no others.
func TestMobileErrors(t *testing.T) {
	t.Parallel()
	source := repotest.ReadFile(t, filepath.Join("gateway", "failure.go"))
	errors, problems := set{}, set{}
	for _, row := range failureRow.FindAllStringSubmatch(source, -1) {
		errors[row[4]] = true
	}
	for _, name := range problemName.FindAllStringSubmatch(source, -1) {
		problems[name[2]] = true
	}
	for column, want := range map[string]set{"Error": errors, "Code": problems} {
		named := set{}
		for _, row := range readTableOf(t, mobilePage, column) {
			for _, quoted := range codeSpan.FindAllStringSubmatch(row[0], -1) {
				named[quoted[1]] = true
			}
		}
		if diff := cmp.Diff(want, named); diff != "" {
			t.Errorf("%s names others in its table of each %s (-gateway +page):\n%s", mobilePage, column, diff)
		}
	}
}

func TestMobileDurations(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"login under way":    brief(gateway.DefaultSessionLifetime),
		"first arrival":      brief(gateway.CodeLifetime),
		"`/token` waits":     brief(gateway.FinishWait),
		"get the same login": brief(store.Retention),
		"status of a login":  brief(store.Retention),
		"`interval`":         brief(gateway.PollInterval),
		"`?wait=` delays":    brief(gateway.MaxWait),
		"An access token":    brief(gateway.DefaultTokenLifetime),
	}
	for _, row := range readTableOf(t, mobilePage, "What lasts how long") {
		for about, value := range want {
			if !strings.Contains(row[0], about) {
				continue
			}
			delete(want, about)
			if named, _ := code(row[1]); named != value {
				t.Errorf("%s: the page says %s, the code %s", row[0], named, value)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("%s does not name %v", mobilePage, want)
	}
}

// cores are the apps' state machines: the part of each source that declares the states or the reasons, and
// what a name looks like there.
var cores = map[string]struct{ states, reasons declaration }{
	"examples/mobile/typescript/itsme.ts": {
		declaration{"export type State =", "/** A refusal", regexp.MustCompile(`name: "([a-z_]+)"`)},
		declaration{"export type Reason =", "export type State", regexp.MustCompile(`\| "([a-z_]+)"`)},
	},
	"examples/mobile/kotlin/core/src/main/kotlin/be/example/itsme/Itsme.kt": {
		states: declaration{"sealed interface State", "/**\n * The login of one user", regexp.MustCompile(`data (?:object|class) ([A-Za-z]+)`)},
	},
	"examples/mobile/kotlin/core/src/main/kotlin/be/example/itsme/Gateway.kt": {
		reasons: declaration{"enum class Reason {", "}", regexp.MustCompile(`([A-Z_]+)`)},
	},
	"examples/mobile/ios/Core/Itsme.swift": {
		declaration{"enum State: Equatable {", "private(set) var state", regexp.MustCompile(`case ([A-Za-z]+)`)},
		declaration{"enum Reason: String {\n    case ", "\n}", regexp.MustCompile(`([A-Za-z]+)`)},
	},
}

// declaration is the piece of a source between two texts, and its names.
type declaration struct {
	from, to string
	name     *regexp.Regexp
}

// TestMobileStates compares the states and reasons of the page with those of every core.
func TestMobileStates(t *testing.T) {
	t.Parallel()
	states, reasons := set{}, set{}
	for _, row := range readTableOf(t, mobileCodePage, "State") {
		for _, quoted := range codeSpan.FindAllStringSubmatch(row[0], -1) {
			states[plainName(quoted[1])] = true
		}
	}
	for _, row := range readTableOf(t, mobileCodePage, "Reason") {
		name, _ := code(row[0])
		reasons[plainName(name)] = true
	}
	for file, core := range cores {
		source := repotest.ReadFile(t, file)
		core.states.compare(t, file, source, states)
		core.reasons.compare(t, file, source, reasons)
	}
}

// plainName is a name without its language's way of joining words.
func plainName(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

func (d declaration) compare(t *testing.T, file, source string, want set) {
	t.Helper()
	if d.name == nil { // another file declares them
		return
	}
	_, rest, found := strings.Cut(source, d.from)
	part, _, ended := strings.Cut(rest, d.to)
	if !found || !ended {
		t.Fatalf("%s does not declare %q", file, d.from)
	}
	got := set{}
	for _, name := range d.name.FindAllStringSubmatch(part, -1) {
		got[plainName(name[1])] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s has other names after %q (-page +source):\n%s", file, d.from, diff)
	}
}

// TestMobileProgramIsTheOneThatRuns compares the page's program with the file that it names.
func TestMobileProgramIsTheOneThatRuns(t *testing.T) {
	t.Parallel()
	_, block, _ := strings.Cut(repotest.ReadFile(t, mobileCodePage), "```ts\n")
	block, _, _ = strings.Cut(block, "```")
	program := strings.ReplaceAll(repotest.ReadFile(t, "examples/mobile/typescript/try.ts"), "\n  ", "\n")
	if block == "" || !strings.Contains(program, block) {
		t.Errorf("%s shows another program than try.ts:\n%s", mobileCodePage, block)
	}
}
