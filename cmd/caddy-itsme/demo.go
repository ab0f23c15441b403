package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/template"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// ports are the ports on which the demo listens, on loopback. Zero means a free port.
type ports struct {
	gateway, simulator, management, upstream uint16

	service string // the URL of the user's own upstream; empty means the demo's
}

// The flags.
const (
	serviceFlag    = "upstream"
	gatewayFlag    = "gateway-port"
	simulatorFlag  = "simulator-port"
	managementFlag = "management-port"
	upstreamFlag   = "upstream-port"
)

const demoHelp = `Runs a gateway, a simulator of Signicat and itsme, and an upstream that shows
the headers that it receives. All run in one process and listen on loopback.
The demo prints what to try, in a browser and with curl.

With --upstream http://127.0.0.1:3000 the gateway protects the service that
listens there, in place of the demo's own upstream.

The demo identifies no user: on the simulator's page you choose a made-up
person. The signing key is in a temporary folder, which is deleted when the demo
ends.

With --once the demo logs in as an app, as an app with a key (DPoP) and as a
browser, and ends. It prints every request and response, with secrets shortened.
The last line on standard output is JSON. The exit status is 1 if a step failed.`

func demoCommand() caddycmd.Command {
	return caddycmd.Command{
		Name:  "demo",
		Usage: "[--once] [--upstream <url>]",
		Short: "Logs in with a simulated itsme, in one process on loopback",
		Long:  demoHelp,
		CobraFunc: func(command *cobra.Command) {
			var p ports
			flags := command.Flags()
			flags.SortFlags = false
			once := flags.Bool("once", false, "log in as an app, with and without a key, and as a browser, and end; ports without a flag are free ones")
			flags.StringVar(&p.service, serviceFlag, "", "http URL of a service of yours to protect, such as http://127.0.0.1:3000")
			flags.Uint16Var(&p.gateway, gatewayFlag, 8080, "port of the gateway; 0 means a free port")
			flags.Uint16Var(&p.simulator, simulatorFlag, 8090, "port of the simulated Signicat and itsme")
			flags.Uint16Var(&p.management, managementFlag, 8091, "port of the simulator's management API")
			flags.Uint16Var(&p.upstream, upstreamFlag, 9000, "port of the upstream")
			command.Args = cobra.NoArgs
			command.MarkFlagsMutuallyExclusive("once", serviceFlag)
			command.RunE = func(command *cobra.Command, _ []string) error {
				if err := checkService(p.service); err != nil {
					return err
				}
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

// checkService accepts the empty text, or an http URL with a host and a port.
func checkService(service string) error {
	if service == "" {
		return nil
	}
	u, err := url.Parse(service)
	if err != nil || u.Port() == "" || *u != (url.URL{Scheme: "http", Host: u.Host}) {
		return fmt.Errorf("--%s %s: write scheme, host and port, such as http://127.0.0.1:3000", serviceFlag, service)
	}
	return nil
}

// freeUnlessNamed sets every port that the command line does not name to zero.
func freeUnlessNamed(flags *pflag.FlagSet) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		if strings.HasSuffix(f.Name, "-port") && !f.Changed {
			err = errors.Join(err, f.Value.Set("0"))
		}
	})
	return err
}

// demo serves until a signal arrives. With once, it makes the logins of playOnce instead.
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
