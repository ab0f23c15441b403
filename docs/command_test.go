package docs_test

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestCommandsAreNamed compares the table of docs/commands.md with the commands of caddy itsme.
func TestCommandsAreNamed(t *testing.T) {
	t.Parallel()
	var named []string
	for _, row := range readTableOf(t, "docs/commands.md", "Command") {
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
	for _, row := range regexp.MustCompile("(?m)^\\| (`--.*?) \\|").FindAllStringSubmatch(repotest.ReadFile(t, "docs/doctor.md"), -1) {
		for _, name := range flagName.FindAllStringSubmatch(row[1], -1) {
			named[name[1]] = true
		}
	}
	if diff := cmp.Diff(known, named); diff != "" {
		t.Errorf("the table names others (-command +page):\n%s", diff)
	}
}

var (
	// shellBlock is a block of commands, with the line before it.
	shellBlock = regexp.MustCompile("(?m)^(.*)\n```(sh|bash|console|shell)$")
	// runBy is the mark of a block that a test runs, or of all blocks of sh in a page.
	runBy = regexp.MustCompile(`<!-- (?:Run|(All blocks of sh) are run) by (Test\w+)\. -->`)
	// notRun is the mark of a block that no test can run.
	notRun = regexp.MustCompile(`^<!-- Not run(?: by a test)?: .{10,} -->$`)
)

// TestEveryCommandIsRunOrMarked looks for blocks of commands that no test runs, and that do not say why. It looks up
// the tests, and that they read the page.
func TestEveryCommandIsRunOrMarked(t *testing.T) {
	t.Parallel()
	sources := testSources(t)
	blocks := 0
	for _, page := range append(repotest.FilesMatching(t, "docs", "*.md"), "README.md") {
		text, whole := repotest.ReadFile(t, page), false
		for _, mark := range runBy.FindAllStringSubmatch(text, -1) {
			whole = whole || mark[1] != ""
			if file := sources[mark[2]]; file == "" || !strings.Contains(file, filepath.Base(page)) {
				t.Errorf("%s: %s does not exist, or does not read the page", page, mark[2])
			}
		}
		for _, block := range shellBlock.FindAllStringSubmatch(text, -1) {
			blocks++
			if !runBy.MatchString(block[1]) && !notRun.MatchString(block[1]) && (!whole || block[2] != "sh") {
				t.Errorf("%s: a block after %q is not run; name its test, or the reason", page, block[1])
			}
		}
	}
	if blocks < 20 {
		t.Errorf("the pages have %d blocks", blocks)
	}
}

// testSources returns the files of the tests in cmd, by the name of each test.
func testSources(t *testing.T) map[string]string {
	t.Helper()
	sources := make(map[string]string)
	for _, file := range repotest.FilesMatching(t, "cmd", "*_test.go") {
		source := repotest.ReadFile(t, file)
		for _, name := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(source, -1) {
			sources[name[1]] = source
		}
	}
	return sources
}

var (
	// commandLine matches a command of caddy itsme in a page.
	commandLine = regexp.MustCompile("(?m)(?:^|`)(?:sudo )?(?:\\S+/)?caddy (itsme [a-z][^`\n<|;]*)")
	placeholder = regexp.MustCompile(`<[a-z]+>`)
)

// TestCommandLinesParse reads every command of caddy itsme in a page, as the program does.
func TestCommandLinesParse(t *testing.T) {
	t.Parallel()
	lines := 0
	for _, page := range repotest.FilesMatching(t, ".", "*.md") {
		text := placeholder.ReplaceAllString(repotest.ReadFile(t, page), "x")
		for _, line := range commandLine.FindAllStringSubmatch(text, -1) {
			lines++
			root := &cobra.Command{Use: "caddy"}
			root.AddCommand(itsme())
			command, rest, err := root.Find(strings.Fields(line[1]))
			if err == nil {
				err = command.ParseFlags(rest)
			}
			if err != nil && !errors.Is(err, pflag.ErrHelp) {
				t.Errorf("%s: caddy %s: %v", page, line[1], err)
			}
		}
	}
	if lines < 10 {
		t.Errorf("the pages have %d command lines", lines)
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
