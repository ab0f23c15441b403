package caddymodule

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
	// adminPatience bounds the question whether a Caddy runs a configuration.
	adminPatience = 5 * time.Second
	// rotationPatience bounds a change of keys: the service may wait for storage and for Redis.
	rotationPatience = 2 * time.Minute
	// maxAdminAnswer bounds what is read of an answer.
	maxAdminAnswer = 1 << 20
)

// adminService is a running Caddy, by its admin endpoint.
type adminService struct {
	origin string
	socket bool
	client *http.Client
}

// findService has those gateways ask the running Caddy that it runs, by name and issuer. A
// Caddy that does not answer, or runs another configuration, is no error.
func (c *storageConfig) findService(ctx context.Context, all []gatewayKeys) {
	service, ok := c.adminService()
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	running, err := service.gateways(ctx)
	if err != nil {
		return
	}
	for i, keys := range all {
		for _, g := range running {
			if g.Name == keys.name && g.Issuer == keys.owner.Issuer && keys.file == "" {
				all[i].service = service
			}
		}
	}
}

// adminService returns the admin endpoint of the configuration, unless it is off.
func (c *storageConfig) adminService() (*adminService, bool) {
	if c.Admin.Disabled {
		return nil, false
	}
	listen := c.Admin.Listen
	if listen == "" {
		listen = caddy.DefaultAdminListen
	}
	address, err := caddy.ParseNetworkAddress(caddy.NewReplacer().ReplaceAll(listen, ""))
	if err != nil || address.PortRangeSize() > 1 {
		return nil, false
	}
	target, origin := address.JoinHostPort(0), "http://"+address.JoinHostPort(0)
	if address.IsUnixNetwork() {
		// Behind the path there may be the permissions of the socket. The host is the one that Caddy
		// expects there.
		target, _, _ = strings.Cut(target, "|")
		origin = "http://127.0.0.1"
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, address.Network, target)
	}
	return &adminService{origin, address.IsUnixNetwork(), &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}, true
}

func (s *adminService) gateways(ctx context.Context) ([]gatewayState, error) {
	var list gatewayList
	err := s.do(ctx, http.MethodGet, "/itsme/gateways", nil, &list)
	return list.Gateways, err
}

// keys returns the keys of one gateway.
func (s *adminService) keys(ctx context.Context, gateway string) ([]keyring.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	running, err := s.gateways(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range running {
		if g.Name == gateway {
			return g.Keys, nil
		}
	}
	return nil, errors.New("the running Caddy does not have it any more; try again")
}

// rotate rotates the keys of one gateway, or drops some.
func (s *adminService) rotate(ctx context.Context, gateway string, drop []string) error {
	ctx, cancel := context.WithTimeout(ctx, rotationPatience)
	defer cancel()
	return s.do(ctx, http.MethodPost, "/itsme/keys/rotate", keyRotation{gateway, drop}, new(keyList))
}

// do makes a request, and reads its answer or its error.
func (s *adminService) do(ctx context.Context, method, path string, body, answer any) error {
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
	if !s.socket { // Caddy takes no origin of who comes through one
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
