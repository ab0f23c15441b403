package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"
)

const doctorHelp = `
Looks at a configuration, and at everything that logins with it depend on:
Caddy's storage, Redis, Signicat, the clock, and the public URL. Each line has
a level, the gateway that it is about, the finding's name, which never changes,
and what to do about it. The levels are

  ok       it is right
  note     nothing is wrong, but you should know
  warning  something may go wrong
  problem  something does not work, or is not safe

The exit status is 1 when there is a problem.

It asks Signicat for an access token and for a session that does not exist,
which costs nothing, and puts a key into Caddy's storage that it deletes again.
It starts no login, and shows no secret.

Run this while Caddy runs, with the same environment, as its user or as root:
else it looks for another storage, or may not read it.
`

// errProblems is returned when the doctor found problems, which it has told already.
var errProblems = errors.New("the doctor found problems")

// doctorFlags say how to look, and how to tell.
type doctorFlags struct {
	configFlags
	offline, json bool
}

func doctorCommand() *cobra.Command {
	var flags doctorFlags
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Finds what is wrong with a configuration and around it",
		Long:  doctorHelp,
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			findings := flags.diagnoses(command.Context())
			if err := flags.write(command.OutOrStdout(), findings); err != nil {
				return err
			}
			if !slices.ContainsFunc(findings, isProblem) {
				return nil
			}
			command.SilenceErrors = true // they were told, line by line
			return errProblems
		},
	}
	flags.register(command)
	command.Flags().BoolVar(&flags.offline, "offline", false, "Leave out what needs the network")
	command.Flags().BoolVar(&flags.json, "json", false, "Write each finding as a line of JSON")
	return command
}

func isProblem(d diagnosis) bool { return d.Level == levelProblem }

// diagnoses are all findings. That the configuration cannot be read is one of them.
func (f *doctorFlags) diagnoses(ctx context.Context) (all []diagnosis) {
	data, err := f.read()
	if err != nil {
		return one(configRefused, "%v", err)
	}
	config, err := loadWhole(data)
	if err != nil {
		return one(configRefused, "%v", err)
	}
	defer func() { _ = config.close() }() // nothing was started
	d, err := f.doctor(config)
	if err != nil {
		return one(configRefused, "%v", err)
	}
	all = one(configLoads, "the configuration loads")
	d.examine(ctx, func(finding diagnosis) { all = append(all, finding) })
	return all
}

// doctor returns one for the gateways that the flags name.
func (f *doctorFlags) doctor(config *loadedConfig) (*doctor, error) {
	names, err := f.names(config.app.Gateways)
	if err != nil {
		return nil, err
	}
	d := &doctor{
		config: config, offline: f.offline, fetch: newFetcher(nil), replacer: caddy.NewReplacer(), now: time.Now,
	}
	for _, name := range names {
		d.patients = append(d.patients, config.patient(name))
	}
	return d, nil
}

func (f *doctorFlags) write(out io.Writer, findings []diagnosis) error {
	if f.json {
		return writeJSON(out, findings)
	}
	return writeText(out, findings)
}

// writeJSON writes a finding a line.
func writeJSON(out io.Writer, findings []diagnosis) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for _, finding := range findings {
		if err := encoder.Encode(finding); err != nil {
			return err
		}
	}
	return nil
}

// writeText writes a finding a line, in columns, and how many problems and warnings there are.
func writeText(out io.Writer, findings []diagnosis) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	counts := make(map[level]int)
	for _, finding := range findings {
		counts[finding.Level]++
		text := finding.Message + "."
		if finding.Remedy != "" {
			text += " " + finding.Remedy
		}
		gateway := finding.Gateway
		if gateway == "" {
			gateway = "-"
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", finding.Level, gateway, finding.Finding, text)
	}
	_, _ = fmt.Fprintf(table, "\nproblems: %d, warnings: %d\n", counts[levelProblem], counts[levelWarning])
	return table.Flush() // with the error of any line before
}
