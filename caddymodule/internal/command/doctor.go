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
It starts no login without --login, and shows no secret.

--login walks you through a real login at Signicat, in a browser or, with --app, at
the app redirect URL. It prints what each call answered, and writes a report
without personal or secret values, about what no public document describes. It
creates two sessions at Signicat, requests one access token with a wrong secret, and
takes about six minutes.

Run it while Caddy runs, with Caddy's environment, as Caddy's user or as root.
Otherwise it uses another storage, or cannot read it.
`

// errProblems is returned when the doctor found problems. The report shows them already.
var errProblems = errors.New("the doctor found problems")

type doctorFlags struct {
	configFlags
	offline, json bool
	logIn, app    bool
	report        string
}

func doctorCommand(a Adapter) *cobra.Command {
	var flags doctorFlags
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Checks a configuration and everything that its logins depend on",
		Long:  doctorHelp,
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if flags.logIn {
				return flags.login(command, a)
			}
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
	command.Flags().BoolVar(&flags.logIn, "login", false, "Log in at Signicat and write a report")
	command.Flags().BoolVar(&flags.app, "app", false, "With --login: use the first app_redirect_url")
	command.Flags().StringVar(&flags.report, "report", defaultReport, "With --login: file of the report, which must not exist")
	for _, other := range []string{"offline", "json"} {
		command.MarkFlagsMutuallyExclusive("login", other)
	}
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
