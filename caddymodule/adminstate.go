package caddymodule

import (
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/keyring"
)

// gatewayList is the response of /itsme/gateways.
type gatewayList struct {
	Gateways []gatewayState `json:"gateways"`
}

// gatewayState is the state of one gateway. It holds no secret and no data about users.
type gatewayState struct {
	Name      string           `json:"name"`
	PublicURL string           `json:"public_url"`
	Issuer    string           `json:"issuer"`
	Breaker   string           `json:"breaker"`
	Store     storeState       `json:"store"`
	Keys      []keyring.Status `json:"keys"`
}

type storeState struct {
	Module string `json:"module"`
	Up     bool   `json:"up"`
	// PendingSessions is nil while the store does not answer.
	PendingSessions *int `json:"pending_sessions,omitempty"`
}

func serveAdminGateways(w http.ResponseWriter, _ *http.Request) error {
	list := gatewayList{Gateways: []gatewayState{}}
	module, err := caddy.ActiveContext().AppIfConfigured("itsme")
	if err != nil && !errors.Is(err, caddy.ErrNotConfigured) {
		return err
	}
	if app, ok := module.(*App); ok {
		for _, name := range app.names() {
			list.Gateways = append(list.Gateways, app.instances[name].state())
		}
	}
	return writeAdmin(w, list)
}

func (i *instance) state() gatewayState {
	s := gatewayState{
		Name:      i.name,
		PublicURL: i.gateway.PublicURL(),
		Issuer:    i.gateway.Issuer(),
		Breaker:   i.gateway.Breaker(),
		Store:     storeState{Module: i.store.CaddyModule().ID.Name()},
		Keys:      i.keyStates(i.keyState()),
	}
	if waiting, err := i.pending(); err == nil {
		s.Store.Up, s.Store.PendingSessions = true, &waiting
	}
	return s
}

// keyStates returns the state of the keys in storage, or of the key in a key file.
func (i *instance) keyStates(state keyring.State) []keyring.Status {
	if set := i.inForce.KeySet(); i.keys == nil && set != nil {
		return []keyring.Status{keyring.FileStatus(set)}
	}
	return keyring.Statuses(state, i.rotation(), clock())
}
