package command

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Paths of modules in a build.
const (
	modulePath = "github.com/caddy-itsme/caddy-itsme"
	caddyPath  = "github.com/caddyserver/caddy/v2"
)

// develVersion is what Go writes for a folder.
const develVersion = "(devel)"

const versionHelp = `
Writes the versions of caddy-itsme, Caddy and Go in this program. caddy version
writes Caddy's alone.

A build from a folder has the version that the build names: with xcaddy the part
between @ and = of --with.
`

// errNoBuildInfo is returned when the program was built without its list of modules.
var errNoBuildInfo = errors.New("this program was built without Go modules, so it has no version")

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Writes the versions of caddy-itsme, Caddy and Go",
		Long:  versionHelp,
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			built, ok := debug.ReadBuildInfo()
			if !ok {
				return errNoBuildInfo
			}
			_, err := fmt.Fprintf(command.OutOrStdout(), "caddy-itsme %s\ncaddy %s\n%s\n", VersionOf(built), versionOf(built, caddyPath), built.GoVersion)
			return err
		},
	}
}

// VersionOf returns the version of caddy-itsme in a program. It is the main module or, in a Caddy that xcaddy
// built, a dependency.
func VersionOf(built *debug.BuildInfo) string { return versionOf(built, modulePath) }

func versionOf(built *debug.BuildInfo, path string) string {
	for _, module := range append([]*debug.Module{&built.Main}, built.Deps...) {
		if module.Path != path {
			continue
		}
		version := module.Version
		if module.Replace != nil && module.Replace.Version != "" && module.Replace.Version != develVersion {
			version = module.Replace.Version // of a fork
		}
		if version == "" {
			break
		}
		if module.Replace != nil {
			return version + " from " + module.Replace.Path
		}
		return version
	}
	return "(unknown version)"
}
