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
	// adminPatience bounds the request that asks whether a Caddy runs a configuration.
	adminPatience = 5 * time.Second
	// rotationPatience bounds a change of keys. The service may wait for storage and for Redis.
	rotationPatience = 2 * time.Minute
	// maxAdminAnswer bounds what is read of an answer.
	maxAdminAnswer = 1 << 20
)

// service is a running Caddy, by its admin endpoint.
type service struct {
	origin string
	socket bool
	client *http.Client
}

// running is what GET /itsme/gateways answers, as far as the commands need it.
type running struct {
	Gateways []struct {
		Name   string           `json:"name"`
		Issuer string           `json:"issuer"`
		Keys   []keyring.Status `json:"keys"`
	} `json:"gateways"`
}

// findService asks the Caddy that the configuration is for which gateways it runs. Those with the same name
// and issuer get it as their service. A Caddy that does not answer is no error, and neither is one with
// another configuration.
func findService(ctx context.Context, config []byte, gateways []Gateway) {
	var admin struct {
		Admin caddy.AdminConfig `json:"admin"`
	}
	if json.Unmarshal(config, &admin) != nil {
		return // the adapter reads the same JSON, and reports it
	}
	s, ok := newService(admin.Admin)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
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
		// Behind the path there may be the permissions of the socket. Caddy expects this host there.
		target, _, _ = strings.Cut(target, "|")
		origin = "http://127.0.0.1"
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, address.Network, target)
	}
	return &service{origin, address.IsUnixNetwork(), &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}, true
}

func (s *service) running(ctx context.Context) (answer running, err error) {
	return answer, s.do(ctx, http.MethodGet, "/itsme/gateways", nil, &answer)
}

// keys returns the keys of one gateway.
func (s *service) keys(ctx context.Context, gateway string) ([]keyring.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
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
	return nil, errors.New("the running Caddy does not have it any more; try again")
}

// rotate rotates the keys of one gateway, or drops some.
func (s *service) rotate(ctx context.Context, gateway string, drop []string) error {
	ctx, cancel := context.WithTimeout(ctx, rotationPatience)
	defer cancel()
	body := struct {
		Gateway string   `json:"gateway"`
		Drop    []string `json:"drop"`
	}{gateway, drop}
	return s.do(ctx, http.MethodPost, "/itsme/keys/rotate", body, new(struct{}))
}

// do makes a request, and reads its answer or its error.
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
	if !s.socket { // Caddy accepts no Origin on a socket
		r.Header.Set("Origin", s.origin)
	}
	r.Header.Set("Content-Type", "application/json")
	got, err := s.client.Do(r)
	if err != nil {
		return fmt.Errorf("asking Caddy's admin endpoint: %w", err)
	}
	defer func() { _ = got.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(got.Body, maxAdminAnswer))
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
		refused.Error = got.Status
	}
	return errors.New(refused.Error)
}
