package caddymodule

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/keyring"
)

// keyRotation is the body of a request to /itsme/keys/rotate. Without Drop, the next key signs as soon as
// verifiers know it. With Drop, those keys are removed at once.
type keyRotation struct {
	Gateway string     `json:"gateway"`
	Drop    droppedIDs `json:"drop,omitempty"`
}

// droppedIDs is a list of at least one key ID. An empty list is refused: the operator wants to drop a leaked
// key, and would only rotate.
type droppedIDs []string

// UnmarshalJSON implements json.Unmarshaler.
func (k *droppedIDs) UnmarshalJSON(text []byte) error {
	err := json.Unmarshal(text, (*[]string)(k))
	if err == nil && len(*k) == 0 {
		return errors.New("no key ID is given")
	}
	return err
}

// keyList is the response: the keys in storage after the change.
type keyList struct {
	Gateway string           `json:"gateway"`
	Keys    []keyring.Status `json:"keys"`
}

// errKeyFile is returned when an operator rotates the key of a gateway with a key file.
var errKeyFile = errors.New("the key in a file is never rotated; put another key into that file and reload Caddy, which logs all users out")

func serveAdminRotate(w http.ResponseWriter, r *http.Request) error {
	var asked keyRotation
	if err := readAdmin(w, r, &asked); err != nil {
		return err
	}
	instances, err := running(cmp.Or(asked.Gateway, DefaultGateway))
	if err != nil {
		return err
	}
	i := instances[0]
	// The change completes even if the client closes the connection.
	state, err := i.rotate(context.WithoutCancel(r.Context()), asked.Drop)
	if err != nil {
		return caddy.APIError{HTTPStatus: rotationStatus(err), Err: err}
	}
	return writeAdmin(w, keyList{i.name, i.keyStates(state)})
}

// rotationStatus returns the status for an error of rotate: 400 or 409 if the request cannot be carried out,
// 503 if storage failed.
func rotationStatus(err error) int {
	switch {
	case errors.Is(err, keyring.ErrNoSuchKey):
		return http.StatusBadRequest
	case errors.Is(err, errKeyFile), errors.Is(err, keyring.ErrRotatedOften), errors.Is(err, keyring.ErrNoKeys), errors.Is(err, keyring.ErrMissing):
		return http.StatusConflict
	}
	return http.StatusServiceUnavailable
}

// rotate makes the next key sign, or drops keys. The change applies at once on this replica, and within a
// minute on the others.
func (i *instance) rotate(ctx context.Context, drop []string) (state keyring.State, err error) {
	switch {
	case i.keys == nil:
		return state, errKeyFile
	case len(drop) == 0:
		state, err = i.keys.Rotate(ctx)
	default:
		state, err = i.keys.Drop(ctx, drop)
	}
	if err != nil {
		return state, err
	}
	signing, _ := state.Set().Signing(i.rotation(), clock())
	i.log.Info("signing keys were rotated through the admin endpoint",
		slog.String("gateway", i.name), slog.String("kid", signing.ID), slog.Int("dropped", len(drop)))
	i.events.rotation(i.name, i.meter, signing.ID, causeRequested)
	return state, nil
}
