package command

import (
	"runtime/debug"
	"testing"
)

// TestVersionIsTheModulesOwn: in a Caddy that xcaddy built, caddy-itsme is a dependency.
func TestVersionIsTheModulesOwn(t *testing.T) {
	t.Parallel()
	other := &debug.Module{Path: "github.com/caddyserver/caddy/v2", Version: "v2.11.9"}
	for name, row := range map[string]struct {
		built debug.BuildInfo
		want  string
	}{
		"the main module": {debug.BuildInfo{Main: debug.Module{Path: modulePath, Version: "v1.2.3"}, Deps: []*debug.Module{other}}, "v1.2.3"},
		"a dependency": {
			debug.BuildInfo{Main: debug.Module{Path: "caddy", Version: "(devel)"}, Deps: []*debug.Module{other, {Path: modulePath, Version: "v1.2.3"}}}, "v1.2.3",
		},
		"a folder": {debug.BuildInfo{Main: debug.Module{Path: "caddy"}, Deps: []*debug.Module{
			{Path: modulePath, Version: "v0.0.0-20261128120000-0123456789ab", Replace: &debug.Module{Path: "/src", Version: "(devel)"}},
		}}, "v0.0.0-20261128120000-0123456789ab from /src"},
		"a fork": {debug.BuildInfo{Main: debug.Module{Path: "caddy"}, Deps: []*debug.Module{
			{Path: modulePath, Version: "v1.2.3", Replace: &debug.Module{Path: "github.com/example/fork", Version: "v1.2.4"}},
		}}, "v1.2.4 from github.com/example/fork"},
		"no version": {debug.BuildInfo{Main: debug.Module{Path: modulePath}}, "(unknown version)"},
		"no module":  {debug.BuildInfo{Deps: []*debug.Module{other}}, "(unknown version)"},
	} {
		if got := VersionOf(&row.built); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}
