package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/loopback"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// shutdownGrace bounds the time for running calls when the program ends.
const shutdownGrace = 5 * time.Second

// run is the program. It serves until ctx ends, and returns the exit status: 0, 1 if it cannot serve, 2 for a wrong
// command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	if s.version {
		if built, ok := debug.ReadBuildInfo(); ok {
			fmt.Fprintln(stdout, "signicat-sim", built.Main.Version) // (devel) without version control
		}
		return 0
	}
	if err := serve(ctx, s, stdout); err != nil {
		fmt.Fprintln(stderr, "signicat-sim:", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, s settings, stdout io.Writer) error {
	api, err := listen("listen", s.listen)
	if err != nil {
		return err
	}
	defer api.Close()
	if s.config.BaseURL == "" {
		s.config.BaseURL = s.config.URLAt(api.Addr())
	}
	sim, err := signicattest.New(s.config)
	if err != nil {
		return err
	}
	defer sim.Close()
	if s.authority != "" {
		if err := os.WriteFile(s.authority, sim.AuthorityPEM(), 0o644); err != nil {
			return fmt.Errorf("-tls %s: %w", s.authority, err)
		}
	}
	servers := []*http.Server{sim.HTTPServer()}
	listeners := []net.Listener{sim.Listener(api)}
	if s.management != "off" {
		l, err := listen("management", s.management)
		if err != nil {
			return err
		}
		defer l.Close()
		management := &http.Server{Handler: sim.Management(), ReadHeaderTimeout: 10 * time.Second}
		servers, listeners = append(servers, management), append(listeners, l)
	}
	announce(stdout, s, sim, listeners)
	return serveAll(ctx, sim, servers, listeners)
}

// serveAll serves until ctx ends or a listener fails, then lets running calls finish.
func serveAll(ctx context.Context, sim *signicattest.Server, servers []*http.Server, listeners []net.Listener) error {
	failed := make(chan error, len(servers))
	for i, server := range servers {
		go func() { failed <- server.Serve(listeners[i]) }()
	}
	ended := 0
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		ended++
	}
	sim.Close() // ends scripted delays, which may be longer than shutdownGrace
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	for _, server := range servers {
		err = errors.Join(err, server.Shutdown(grace))
	}
	for ; ended < len(servers); ended++ {
		<-failed
	}
	return err
}

func listen(name, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", loopback.Address(address))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("-%s %s: the port is in use; stop the program that uses it, or choose another address", name, address)
	case err != nil:
		return nil, fmt.Errorf("-%s %s: %w", name, address, err)
	}
	return l, nil
}

// announce prints addresses, credentials and switches. It prints the client secret only if that is the published
// default.
func announce(w io.Writer, s settings, sim *signicattest.Server, listeners []net.Listener) {
	c := s.config
	secret := "(as given)"
	if c.ClientSecret == signicattest.DefaultClientSecret {
		secret = c.ClientSecret
	}
	redirectURLs := c.RedirectURLs
	if len(redirectURLs) == 0 {
		redirectURLs = []string{signicattest.DefaultRedirectURL, signicattest.DefaultAppRedirectURL}
	}
	fmt.Fprintln(w, "A simulator of Signicat and itsme. It identifies no user.")
	fmt.Fprintf(w, "  API            %s (listens on %s)\n", sim.URL, listeners[0].Addr())
	if s.authority != "" {
		fmt.Fprintf(w, "  authority      %s (SSL_CERT_FILE of the gateway)\n", s.authority)
	}
	if len(listeners) > 1 {
		fmt.Fprintf(w, "  management     http://%s\n", listeners[1].Addr())
	}
	fmt.Fprintf(w, "  client         %s %s\n", c.ClientID, secret)
	fmt.Fprintf(w, "  account        %s\n", c.AccountID)
	fmt.Fprintf(w, "  redirect URLs  %s\n", strings.Join(redirectURLs, " "))
	fmt.Fprintf(w, "  seed           %d\n", sim.Seed())
	for _, sw := range signicattest.AllSwitches() {
		if form := sw.Form(sim.Switches()); form != sw.Form(signicattest.Switches{}) {
			fmt.Fprintf(w, "  switch         %s %s\n", sw.Name, form)
		}
	}
	fmt.Fprintln(w, "Not simulated:")
	for _, n := range signicattest.NotSimulated() {
		fmt.Fprintln(w, "  "+n)
	}
}
