package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/doctor"
	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/firstlogin"
)

// defaultReport is the file of a report.
const defaultReport = "itsme-login-report.json"

// pollSession is the time between two reads of the session, as in Signicat's guide.
const pollSession = 2 * time.Second

// errSeveralGateways is returned for a configuration with several gateways.
var errSeveralGateways = errors.New("a login is at one gateway; name it with --gateway")

// login walks the operator through a login and writes its report. It creates the file first: nothing is lost
// after a login that cannot be repeated for free.
func (f *doctorFlags) login(command *cobra.Command, a Adapter) (err error) {
	data, err := f.read()
	if err != nil {
		return err
	}
	config, closeConfig, err := a.Doctor(data, f.gateway)
	if err != nil {
		return err
	}
	defer closeConfig()
	if len(config.Gateways) != 1 {
		return errSeveralGateways
	}
	walk := f.walk(command, &config.Gateways[0])
	file, err := os.OpenFile(f.report, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists; move it, or name another file with --report", f.report)
	}
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(command.Context(), os.Interrupt)
	defer stop()
	report, err := firstlogin.Run(ctx, walk)
	if err != nil {
		return errors.Join(err, file.Close(), os.Remove(f.report))
	}
	if err := errors.Join(writeReport(file, report), file.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(command.OutOrStdout(), "\nThe report is in %s. It holds no attribute, code, token, ID or URL. Read it, and send it as\nCONTRIBUTING.md says: it answers what no public document does.\n", f.report)
	return err
}

// walk returns the configuration of a login at a gateway.
func (f *doctorFlags) walk(command *cobra.Command, g *doctor.Gateway) firstlogin.Config {
	redirectURL, kind := g.Config.RedirectURL, "browser"
	if f.app {
		redirectURL, kind = g.Config.AppRedirectURLs[0], "app"
	}
	version := ""
	if built, ok := debug.ReadBuildInfo(); ok {
		version = VersionOf(built)
	}
	client := g.Config.Signicat
	client.Transport = doctor.Transport()
	return firstlogin.Config{
		Signicat: client, Attributes: g.Config.Attributes, LoA: g.Config.LoA, RedirectURL: redirectURL, Redirect: kind, Version: version,
		In: command.InOrStdin(), Out: command.OutOrStdout(), Poll: pollSession, Wait: waitFor, Now: time.Now,
	}
}

// waitFor waits for a time, unless ctx ends.
func waitFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func writeReport(out io.Writer, report *firstlogin.Report) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(report)
}
