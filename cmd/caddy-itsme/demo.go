package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/template"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// ports are where the demo listens, on loopback. Zero is a free port.
type ports struct{ gateway, simulator, management, upstream uint16 }

// The flags that choose the ports.
const (
	gatewayFlag    = "gateway-port"
	simulatorFlag  = "simulator-port"
	managementFlag = "management-port"
	upstreamFlag   = "upstream-port"
)

const demoHelp = `Runs a gateway, a simulator of Signicat and itsme, and an upstream that
shows what the gateway tells it, all in one process and on loopback alone.
It prints what to try, in a browser and with curl.

Nobody is identified: whoever opens the simulator's page chooses who to be.
Nothing stays behind: the signing key is in a temporary folder, which goes
when the demo ends.

With --once it logs in by itself, as an app and as a browser, and ends. Every
request and answer is printed, with secrets shortened. The last line on
standard output is JSON; the exit status is 1 when a step went wrong.`

func demoCommand() caddycmd.Command {
	return caddycmd.Command{
		Name:  "demo",
		Usage: "[--once]",
		Short: "Logs in with a simulated itsme, in one process on loopback",
		Long:  demoHelp,
		CobraFunc: func(command *cobra.Command) {
			var p ports
			flags := command.Flags()
			flags.SortFlags = false
			once := flags.Bool("once", false, "log in as an app and as a browser, on free ports unless flags name them, and end")
			flags.Uint16Var(&p.gateway, gatewayFlag, 8080, "port of the gateway; 0 is a free one")
			flags.Uint16Var(&p.simulator, simulatorFlag, 8090, "port of the simulated Signicat and itsme")
			flags.Uint16Var(&p.management, managementFlag, 8091, "port of the simulator's management API")
			flags.Uint16Var(&p.upstream, upstreamFlag, 9000, "port of the upstream")
			command.Args = cobra.NoArgs
			command.RunE = func(command *cobra.Command, _ []string) error {
				if *once {
					if err := freeUnlessNamed(flags); err != nil {
						return err
					}
				}
				return demo(command.Context(), command.OutOrStdout(), p, *once)
			}
		},
	}
}

// freeUnlessNamed makes every port that the command line does not name a free one.
func freeUnlessNamed(flags *pflag.FlagSet) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		if strings.HasSuffix(f.Name, "-port") && !f.Changed {
			err = errors.Join(err, f.Value.Set("0"))
		}
	})
	return err
}

// demo serves until a signal ends it, or plays both logins.
func demo(ctx context.Context, stdout io.Writer, p ports, once bool) (err error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	s, err := startServers(p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if once {
		return playOnce(ctx, stdout, s)
	}
	if err := welcome.Execute(stdout, s); err != nil {
		return fmt.Errorf("printing the addresses: %w", err)
	}
	<-ctx.Done()
	stop() // a second signal ends the program at once
	return nil
}

//go:embed demo/welcome.txt
var welcomeText string

var welcome = template.Must(template.New("welcome").Parse(welcomeText))
