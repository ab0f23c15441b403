package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/internal/loopback"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// The default addresses.
const (
	defaultListen     = "127.0.0.1:8090"
	defaultManagement = "127.0.0.1:8091"
)

// settings are the values of the command line.
type settings struct {
	config             signicattest.Config
	listen, management string
	authority          string // the file for the authority's certificate; empty means plain HTTP
	anywhere           bool
	version            bool
}

// parse reads the command line. It prints its errors and the help to stderr. It returns flag.ErrHelp after the help.
func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("signicat-sim", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() { usage(f) }
	s.bind(f)
	err := f.Parse(args)
	if err != nil {
		return s, err
	}
	s.config.TLS = s.authority != ""
	if f.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q; use flags only", f.Arg(0))
	} else {
		err = errors.Join(s.checkAddress("listen", s.listen), s.checkAddress("management", s.management))
	}
	if err != nil {
		fmt.Fprintln(stderr, "signicat-sim:", err)
	}
	return s, err
}

func (s *settings) bind(f *flag.FlagSet) {
	c := &s.config
	f.StringVar(&s.listen, "listen", defaultListen, "address of the API and of itsme's pages")
	f.StringVar(&s.management, "management", defaultManagement, "address of the management API; off turns it off")
	f.BoolVar(&s.version, "version", false, "print the version and exit")
	f.BoolVar(&s.anywhere, "insecure-listen-anywhere", false, "accept addresses that are not loopback: any client there can log in as any user")
	f.StringVar(&s.authority, "tls", "", "serve the API over TLS with HTTP/2, and write the certificate that callers must trust to this `file`; set SSL_CERT_FILE of the gateway to it")
	f.StringVar(&c.BaseURL, "base-url", "", "URL at which callers reach the API (default: the address it listens on)")
	f.StringVar(&c.ClientID, "client-id", signicattest.DefaultClientID, "client id of the API client")
	f.StringVar(&c.ClientSecret, "client-secret", signicattest.DefaultClientSecret, "secret of the API client")
	f.StringVar(&c.AccountID, "account", signicattest.DefaultAccountID, "id of the account")
	f.StringVar(&c.OrganizationID, "organization", "", "id of the organisation, if the API client belongs to one")
	f.Func("redirect-url", "redirect URL on the allow-list; may repeat, the first is the default", appendTo(&c.RedirectURLs))
	f.BoolVar(&c.AllowLoopbackHTTP, "allow-loopback-http", false, "accept http redirect URLs on loopback hosts, which Signicat does not")
	f.Func("request-domain", "domain that a session may name; may repeat", appendTo(&c.RequestDomains))
	f.DurationVar(&c.AccessTokenLifetime, "access-token-lifetime", signicattest.DefaultAccessTokenLifetime, "lifetime of the API's access tokens")
	f.IntVar(&c.MaxSessions, "max-sessions", signicattest.DefaultMaxSessions, "largest number of sessions that are kept")
	f.Uint64Var(&c.Seed, "seed", 0, "seed of ids, states and codes, to repeat a run (default: random, and printed)")
	for _, w := range signicattest.AllSwitches() {
		set := func(form string) error { return c.Switches.Set(w.Name, form) }
		if slices.Equal(w.Forms, []string{"false", "true"}) {
			f.BoolFunc(w.Name, "switch: "+w.Doc, set)
		} else {
			f.Func(w.Name, "switch: "+w.Doc+formsOf(w), set)
		}
	}
}

func formsOf(w signicattest.Switch) string {
	if len(w.Forms) == 0 {
		return ""
	}
	return ": " + strings.Join(w.Forms, " or ") + " (default " + w.Forms[0] + ")"
}

func appendTo(list *[]string) func(string) error {
	return func(v string) error {
		*list = append(*list, v)
		return nil
	}
}

// checkAddress refuses addresses that are not loopback: on a network, any client could log in as any user.
func (s *settings) checkAddress(name, address string) error {
	if name == "management" && address == "off" {
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("-%s %s: not host:port", name, address)
	}
	if s.anywhere || loopback.Host(host) {
		return nil
	}
	return fmt.Errorf("-%s %s: not a loopback address; -insecure-listen-anywhere allows it", name, address)
}

// usage prints the help: the flags, the phone, the management API and the limits, each from the table of the code.
func usage(f *flag.FlagSet) {
	w := f.Output()
	fmt.Fprint(w, "signicat-sim simulates Signicat's Authentication REST API with itsme, and the phone. It identifies no user.\n\nFlags:\n")
	f.PrintDefaults()
	fmt.Fprint(w, `
The user: open the authorization request URL in a browser, or answer it with curl, which prints the redirect URL:
  curl -s -o /dev/null -w '%{redirect_url}\n' -d decision=approve -d persona=adult "$authorization_request_url"
  curl -s -o /dev/null -w '%{redirect_url}\n' -d decision=refuse "$authorization_request_url"

Management API (JSON):
`)
	for _, r := range signicattest.ManagementRoutes() {
		fmt.Fprintf(w, "  %-34s %s\n", strings.ReplaceAll(r.Pattern, "{$}", ""), r.Doc)
	}
	fmt.Fprint(w, "\nNot simulated:\n")
	for _, n := range signicattest.NotSimulated() {
		fmt.Fprintln(w, "  "+n)
	}
}
