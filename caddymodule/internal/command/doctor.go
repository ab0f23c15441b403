package command

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/doctor"
)

const doctorHelp = `
Checks a configuration, and everything that its logins depend on: Caddy's
storage, Redis, Signicat, the clock, and the public URL. Each line has a level,
the gateway, the name of the finding, a message, and what to do. Names never
change, so that scripts can look for them. The levels are

  ok       the check passed
  note     nothing is wrong, but you should know
  warning  something may fail, or may be unsafe
  problem  something fails, or is unsafe

The exit status is 1 when there is a problem.

The doctor requests an access token of Signicat, and a session that does not
exist. Both are free. It writes a file to Caddy's storage and deletes it again.
It starts no login and shows no secret.

Run it while Caddy runs, with Caddy's environment, as Caddy's user or as root.
Otherwise it uses another storage, or cannot read it.
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
		Short: "Checks a configuration and everything that its logins depend on",
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
	command.Flags().BoolVar(&flags.offline, "offline", false, "Leave out checks that need the network")
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
