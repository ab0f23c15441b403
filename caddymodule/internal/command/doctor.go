package command

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/doctor"
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

// errProblems is returned when the doctor found problems. The report shows them already.
var errProblems = errors.New("the doctor found problems")

type doctorFlags struct {
	configFlags
	offline, json bool
}

func doctorCommand(a Adapter) *cobra.Command {
	var flags doctorFlags
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Finds what is wrong with a configuration and around it",
		Long:  doctorHelp,
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			findings := flags.examine(command.Context(), a)
			if err := flags.write(command.OutOrStdout(), findings); err != nil {
				return err
			}
			if doctor.Healthy(findings) {
				return nil
			}
			command.SilenceErrors = true // each problem is a line of the output
			return errProblems
		},
	}
	flags.register(command)
	command.Flags().BoolVar(&flags.offline, "offline", false, "Leave out what needs the network")
	command.Flags().BoolVar(&flags.json, "json", false, "Write each finding as a line of JSON")
	return command
}

// examine returns all findings. A configuration that does not load is one of them.
func (f *doctorFlags) examine(ctx context.Context, a Adapter) []doctor.Finding {
	data, err := f.read()
	if err != nil {
		return doctor.Refused(err)
	}
	config, closeConfig, err := a.Doctor(data, f.gateway)
	if err != nil {
		return doctor.Refused(err)
	}
	defer closeConfig()
	return doctor.Examine(ctx, config, f.offline)
}

func (f *doctorFlags) write(out io.Writer, findings []doctor.Finding) error {
	if f.json {
		return doctor.WriteJSON(out, findings)
	}
	return doctor.WriteText(out, findings)
}
