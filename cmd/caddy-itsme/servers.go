package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"text/template"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// loopback is the only host of the demo. To a browser, localhost would be another host with other cookies.
const loopback = "127.0.0.1"

// servers are the servers of the demo, with their URLs.
type servers struct {
	Gateway, Simulator, Management, Upstream string

	Own bool // the upstream is the user's

	closers []func() error
}

// startServers starts all servers, or none.
func startServers(p ports) (*servers, error) {
	// Another process can take a free port before Caddy listens on it.
	attempts := 1
	if p.gateway == 0 {
		attempts = 3
	}
	var errs error
	for range attempts {
		s := new(servers)
		err := s.start(p)
		if err == nil {
			return s, nil
		}
		errs = errors.Join(err, s.close())
	}
	return nil, errs
}

func (s *servers) start(p ports) error {
	port, err := gatewayPort(p.gateway)
	if err != nil {
		return err
	}
	s.Gateway = "http://" + net.JoinHostPort(loopback, port)
	signicat, err := s.startSimulator(p)
	if err != nil {
		return err
	}
	s.Management, err = s.serve(managementFlag, p.management, signicat.Management())
	if err != nil {
		return err
	}
	if s.Upstream = p.service; s.Upstream != "" {
		s.Own = true
		return s.startGateway(port)
	}
	s.Upstream, err = s.serve(upstreamFlag, p.upstream, http.HandlerFunc(echo))
	if err != nil {
		return err
	}
	return s.startGateway(port)
}

// gatewayPort checks that the gateway's port is free, and chooses a port for zero. Caddy would not notice: it
// shares the port with another Caddy of the same user (SO_REUSEPORT), and each gets some of the requests.
func gatewayPort(port uint16) (string, error) {
	l, err := listen(gatewayFlag, port)
	if err != nil {
		return "", err
	}
	_, free, err := net.SplitHostPort(l.Addr().String())
	return free, errors.Join(err, l.Close())
}

// startSimulator starts the simulator. The allow-list of its account has the gateway's redirect URLs.
func (s *servers) startSimulator(p ports) (*signicattest.Server, error) {
	l, err := listen(simulatorFlag, p.simulator)
	if err != nil {
		return nil, err
	}
	signicat, err := signicattest.StartOn(l, signicattest.Config{
		RedirectURLs:      []string{s.Gateway + "/itsme/callback", s.Gateway + "/itsme/app/callback"},
		AllowLoopbackHTTP: true,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the simulator: %w", err), l.Close())
	}
	s.Simulator = signicat.URL
	s.onClose(func() error { signicat.Close(); return nil })
	return signicat, nil
}

// serve starts an HTTP server, and returns its URL.
func (s *servers) serve(flag string, port uint16, handler http.Handler) (url string, err error) {
	l, err := listen(flag, port)
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	s.onClose(func() error {
		err := server.Close()
		<-served
		return err
	})
	return "http://" + l.Addr().String(), nil
}

func listen(flag string, port uint16) (net.Listener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(int(port))))
	if err != nil {
		return nil, fmt.Errorf("%w; stop the program that uses the port, or choose another port with --%s", err, flag)
	}
	return l, nil
}

//go:embed demo/Caddyfile
var caddyfileText string

var caddyfile = template.Must(template.New("Caddyfile").Parse(caddyfileText))

// startGateway runs Caddy. Its storage, which holds the signing key, is a temporary folder.
func (s *servers) startGateway(port string) error {
	folder, err := os.MkdirTemp("", "caddy-itsme-demo-")
	if err != nil {
		return fmt.Errorf("making a folder for the gateway's storage: %w", err)
	}
	s.onClose(func() error { return os.RemoveAll(folder) })
	var text bytes.Buffer
	err = caddyfile.Execute(&text, map[string]string{
		"Gateway": s.Gateway, "Simulator": s.Simulator, "Upstream": s.Upstream,
		"Host": loopback, "Port": port, "Storage": filepath.Join(folder, "storage"),
		"ClientID": signicattest.DefaultClientID, "ClientSecret": signicattest.DefaultClientSecret,
	})
	if err != nil {
		return fmt.Errorf("writing the gateway's configuration: %w", err)
	}
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(text.Bytes(), nil)
	if err != nil {
		return fmt.Errorf("adapting the gateway's configuration: %w", err)
	}
	s.onClose(caddy.Stop)
	if err := caddy.Load(config, true); err != nil {
		return fmt.Errorf("starting the gateway: %w", err)
	}
	return nil
}

func (s *servers) onClose(f func() error) { s.closers = append(s.closers, f) }

// close stops the servers, the last one first, and waits for them.
func (s *servers) close() error {
	var errs error
	for _, f := range slices.Backward(s.closers) {
		errs = errors.Join(errs, f())
	}
	s.closers = nil
	return errs
}
