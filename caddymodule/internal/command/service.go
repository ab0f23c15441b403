package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/keyring"
)

const (
	// adminTimeout bounds a request that reads the state of a running Caddy.
	adminTimeout = 5 * time.Second
	// changeTimeout bounds a change of keys or a revocation. The service may wait for storage and for Redis.
	changeTimeout = 2 * time.Minute
	// maxAdminResponse bounds the body of a response, in bytes.
	maxAdminResponse = 1 << 20
)

// service is a client of a running Caddy's admin endpoint.
type service struct {
	origin  string
	address caddy.NetworkAddress
	client  *http.Client
}

// running is the part of the response to GET /itsme/gateways that the commands need.
type running struct {
	Gateways []struct {
		Name   string           `json:"name"`
		Issuer string           `json:"issuer"`
		Keys   []keyring.Status `json:"keys"`
	} `json:"gateways"`
}

// findService asks the admin endpoint of the configuration which gateways run there. Gateways with the same
// name and issuer get that Caddy as their service. A Caddy that does not answer, or that runs another
// configuration, is no error.
func findService(ctx context.Context, config []byte, gateways []Gateway) {
	s, err := serviceOf(config)
	if err != nil {
		return // the adapter reads the same JSON and reports its errors
	}
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	found, err := s.running(ctx)
	if err != nil {
		return
	}
	for i, g := range gateways {
		for _, theirs := range found.Gateways {
			if theirs.Name == g.name() && theirs.Issuer == g.Owner.Issuer && g.KeyFile == "" {
				gateways[i].service = s
			}
		}
	}
}

// errNoAdmin is returned for a configuration whose admin endpoint is off or has no single address.
var errNoAdmin = errors.New("the configuration has no admin endpoint at one address: remove admin off, and reload Caddy")

// serviceOf returns the service at the admin endpoint of a configuration. It does no I/O.
func serviceOf(config []byte) (*service, error) {
	var admin struct {
		Admin caddy.AdminConfig `json:"admin"`
	}
	if err := json.Unmarshal(config, &admin); err != nil {
		return nil, fmt.Errorf("reading configuration: %w", err)
	}
	s, ok := newService(admin.Admin)
	if !ok {
		return nil, errNoAdmin
	}
	return s, nil
}

// newService returns the service of a configuration, unless its admin endpoint is off.
func newService(admin caddy.AdminConfig) (*service, bool) {
	if admin.Disabled {
		return nil, false
	}
	listen := admin.Listen
	if listen == "" {
		listen = caddy.DefaultAdminListen
	}
	address, err := caddy.ParseNetworkAddress(caddy.NewReplacer().ReplaceAll(listen, ""))
	if err != nil || address.PortRangeSize() > 1 {
		return nil, false
	}
	target, origin := address.JoinHostPort(0), "http://"+address.JoinHostPort(0)
	if address.IsUnixNetwork() {
		// The permissions of the socket may follow the path. Caddy expects this host on a socket.
		target, _, _ = strings.Cut(target, "|")
		origin = "http://127.0.0.1"
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, address.Network, target)
	}
	return &service{origin, address, &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}, true
}

func (s *service) running(ctx context.Context) (answer running, err error) {
	return answer, s.do(ctx, http.MethodGet, "/itsme/gateways", nil, &answer)
}

// keys returns the keys of one gateway.
func (s *service) keys(ctx context.Context, gateway string) ([]keyring.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	found, err := s.running(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range found.Gateways {
		if g.Name == gateway {
			return g.Keys, nil
		}
	}
	return nil, errors.New("the running Caddy no longer has this gateway; try again")
}

// rotate rotates the keys of one gateway, or drops keys if drop names any.
func (s *service) rotate(ctx context.Context, gateway string, drop []string) error {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	body := struct {
		Gateway string   `json:"gateway"`
		Drop    []string `json:"drop"`
	}{gateway, drop}
	return s.do(ctx, http.MethodPost, "/itsme/keys/rotate", body, new(struct{}))
}

// do makes a request, and decodes the response into answer, or into an error.
func (s *service) do(ctx context.Context, method, path string, body, answer any) error {
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, s.origin+path, content)
	if err != nil {
		return err
	}
	if !s.address.IsUnixNetwork() { // Caddy accepts no Origin on a socket
		r.Header.Set("Origin", s.origin)
	}
	r.Header.Set("Content-Type", "application/json")
	got, err := s.client.Do(r)
	if err != nil {
		return fmt.Errorf("asking Caddy's admin endpoint: %w; start Caddy, or run this command where Caddy runs, with its configuration", err)
	}
	defer func() { _ = got.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(got.Body, maxAdminResponse))
	if err != nil {
		return fmt.Errorf("asking Caddy's admin endpoint: %w", err)
	}
	if got.StatusCode == http.StatusOK && json.Unmarshal(data, answer) == nil {
		return nil
	}
	var refused struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(data, &refused) != nil || refused.Error == "" {
		return fmt.Errorf("%s answers %s with status %d, and not as caddy-itsme does; correct admin in the configuration", s.address, path, got.StatusCode)
	}
	return errors.New(refused.Error)
}
