package caddymodule

import (
	"context"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// revocation is the body of a request. Exactly one of Sub, Login and JTI is given.
type revocation struct {
	Gateway string `json:"gateway"`
	Sub     string `json:"sub"`
	Login   string `json:"login"`
	JTI     string `json:"jti"`
}

func serveAdminRevoke(w http.ResponseWriter, r *http.Request) error {
	var asked revocation
	if err := readAdmin(w, r, &asked); err != nil {
		return err
	}
	i, err := running(asked.Gateway)
	if err != nil {
		return err
	}
	// An operator who hangs up has asked for it all the same.
	revoke, id, err := asked.choose(context.WithoutCancel(r.Context()), i.gateway)
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
