package caddymodule

import (
	"errors"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// gatewayList is the answer of /itsme/gateways.
type gatewayList struct {
	Gateways []gatewayState `json:"gateways"`
}

// gatewayState is how one gateway is. Nothing in it is secret or about a person.
type gatewayState struct {
	Name      string     `json:"name"`
	PublicURL string     `json:"public_url"`
	Issuer    string     `json:"issuer"`
	Breaker   string     `json:"breaker"`
	Store     storeState `json:"store"`
	Keys      []keyState `json:"keys"`
}

type storeState struct {
	Module string `json:"module"`
	Up     bool   `json:"up"`
	// PendingSessions is nil while the store does not answer.
	PendingSessions *int `json:"pending_sessions,omitempty"`
}

// The roles of keys that are among a gateway's keys, and neither sign nor verify.
const (
	roleDropped = "dropped"
	roleForeign = "foreign"
)

// keyState is one signing key, of which nothing is told but what the JWKS tells too, and its times.
// A key of a file has none.
type keyState struct {
	KID           string          `json:"kid"`
	Algorithm     token.Algorithm `json:"alg"`
	Role          string          `json:"role"`
	CreatedAt     time.Time       `json:"created_at,omitzero"`
	AgeSeconds    *int64          `json:"age_seconds,omitempty"`
	SignsFrom     time.Time       `json:"signs_from,omitzero"`
	VerifiesUntil time.Time       `json:"verifies_until,omitzero"`
	// OlderThanDrop says that a key was dropped since this one was made: where a backup was restored
	// since, it may be one that was dropped, too.
	OlderThanDrop bool `json:"older_than_drop,omitempty"`
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

// keyStates are the keys as they stand in storage, or the one of a key file.
func (i *instance) keyStates(state keyring.State) []keyState {
	if set := i.ring.KeySet(); i.keys == nil && set != nil {
		return []keyState{{KID: set.Current().ID(), Algorithm: set.Current().Algorithm(), Role: "current"}}
	}
	return keyStates(state, i.rotation(), clock())
}

// keyStates are the keys of a gateway, in the order in which they take over, and behind them those that are
// there and neither sign nor verify.
func keyStates(state keyring.State, rotation keyring.Rotation, now time.Time) []keyState {
	states := []keyState{}
	add := func(key keyring.Key, role string) {
		age := int64(now.Sub(key.CreatedAt) / time.Second)
		states = append(states, keyState{
			KID: key.ID, Algorithm: key.Algorithm, Role: role,
			CreatedAt: key.CreatedAt, AgeSeconds: &age, SignsFrom: key.SignsFrom, VerifiesUntil: key.VerifiesUntil,
			OlderThanDrop: key.CreatedAt.Before(state.Dropped.Newest()),
		})
	}
	set := state.Set()
	for _, key := range keyring.Sorted(set.Keys) {
		add(key, set.Role(key, rotation, now))
	}
	for _, key := range keyring.Sorted(set.Dropped) {
		add(key, roleDropped)
	}
	for _, key := range keyring.Sorted(set.Foreign) {
		add(key, roleForeign)
	}
	return states
}
