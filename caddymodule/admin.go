package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

func init() { caddy.RegisterModule(Admin{}) }

// Admin is what operators can do while Caddy runs, on Caddy's admin endpoint and under its
// access control:
//
//	POST /itsme/revoke  {"gateway": "default", "sub": "…"}
//
// revokes, on every replica that shares the store, everything that was issued to a person (sub),
// one login with all its tokens (login, the jti of any of them), or one token (jti).
type Admin struct{}

// CaddyModule returns the Caddy module information.
func (Admin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.itsme", New: func() caddy.Module { return new(Admin) }}
}

// Routes implements caddy.AdminRouter.
func (Admin) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{{Pattern: "/itsme/revoke", Handler: caddy.AdminHandlerFunc(serveRevoke)}}
}

// maxAdminBody bounds the body of a request.
const maxAdminBody = 16 << 10

// revocation is the body of a request. Exactly one of SUB, Login and JTI is given.
type revocation struct {
	Gateway string `json:"gateway"`
	Sub     string `json:"sub"`
	Login   string `json:"login"`
	JTI     string `json:"jti"`
}

func serveRevoke(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return refuseAdmin(http.StatusMethodNotAllowed, "the method must be POST")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAdminBody))
	if err != nil {
		return refuseAdmin(http.StatusRequestEntityTooLarge, "the body cannot be read, or is over 16 KiB")
	}
	var asked revocation
	if err := json.Unmarshal(body, &asked); err != nil {
		return refuseAdmin(http.StatusBadRequest, "the body is not a JSON object of strings")
	}
	g, err := runningGateway(asked.Gateway)
	if err != nil {
		return refuseAdmin(http.StatusNotFound, err.Error())
	}
	revoke, id, err := asked.choose(r.Context(), g)
	if err != nil {
		return err
	}
	if err := revoke(id); err != nil {
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: fmt.Errorf("revoking: %w", err)}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// choose returns what is to be revoked, and how.
func (v revocation) choose(ctx context.Context, g *gateway.Gateway) (revoke func(string) error, id string, err error) {
	for _, row := range []struct {
		id     string
		revoke func(string) error
	}{
		{v.Sub, func(id string) error { return g.RevokeSubject(ctx, id) }},
		{v.Login, func(id string) error { return g.RevokeLogin(ctx, id) }},
		{v.JTI, func(id string) error { return g.RevokeToken(ctx, id) }},
	} {
		if row.id == "" {
			continue
		}
		if id != "" {
			return nil, "", refuseAdmin(http.StatusBadRequest, "more than one of sub, login and jti is given")
		}
		revoke, id = row.revoke, row.id
	}
	if id == "" {
		return nil, "", refuseAdmin(http.StatusBadRequest, "none of sub, login and jti is given")
	}
	return revoke, id, nil
}

// runningGateway finds a gateway of the configuration that is in force now: this module is made
// before any app, and outlives none.
func runningGateway(name string) (*gateway.Gateway, error) {
	return gatewayNamed(caddy.ActiveContext(), name)
}

func refuseAdmin(status int, text string) error {
	return caddy.APIError{HTTPStatus: status, Err: errors.New(text)}
}

var _ caddy.AdminRouter = (*Admin)(nil)
