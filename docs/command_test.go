package docs_test

import (
	"regexp"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestCommandsAreNamed compares the table of docs/troubleshooting.md with the commands of caddy itsme.
func TestCommandsAreNamed(t *testing.T) {
	t.Parallel()
	var named []string
	for _, row := range readTableOf(t, troubleshooting, "Command") {
		command, _ := code(row[0])
		named = append(named, command)
	}
	if diff := cmp.Diff(leaves("caddy ", itsme()), named); diff != "" {
		t.Errorf("the table names others (-caddy +page):\n%s", diff)
	}
}

var flagName = regexp.MustCompile("`--([a-z]+)`")

// TestFlagsOfDoctorAreNamed compares the page's table with the flags of the command.
func TestFlagsOfDoctorAreNamed(t *testing.T) {
	t.Parallel()
	doctor, _, err := itsme().Find([]string{"doctor"})
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool)
	doctor.LocalFlags().VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
	named := make(map[string]bool)
	for _, row := range regexp.MustCompile("(?m)^\\| (`--.*?) \\|").FindAllStringSubmatch(repotest.ReadFile(t, "docs/operations.md"), -1) {
		for _, name := range flagName.FindAllStringSubmatch(row[1], -1) {
			named[name[1]] = true
		}
	}
	if diff := cmp.Diff(known, named); diff != "" {
		t.Errorf("the table names others (-command +page):\n%s", diff)
	}
}

func itsme() *cobra.Command {
	command := &cobra.Command{Use: "itsme"}
	caddycmd.Commands()["itsme"].CobraFunc(command)
	return command
}

// leaves returns the commands without subcommands.
func leaves(above string, command *cobra.Command) (names []string) {
	name := above + command.Name()
	if !command.HasSubCommands() {
		return []string{name}
	}
	for _, below := range command.Commands() {
		names = append(names, leaves(name+" ", below)...)
	}
	return names
}
