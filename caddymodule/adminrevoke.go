package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// revocation is the body of a request to /itsme/revoke. Exactly one of Sub, Login and JTI is set. Without
// Gateway it applies to every gateway.
type revocation struct {
	Gateway string `json:"gateway"`
	Sub     string `json:"sub"`
	Login   string `json:"login"`
	JTI     string `json:"jti"`
}

// revocationResult is the response: the number of running logins that ended.
type revocationResult struct {
	Logins int `json:"logins"`
}

func serveAdminRevoke(w http.ResponseWriter, r *http.Request) error {
	var asked revocation
	if err := readAdmin(w, r, &asked); err != nil {
		return err
	}
	revoke, err := asked.choose()
	if err != nil {
		return err
	}
	instances, err := running(asked.Gateway)
	if err != nil {
		return err
	}
	// The revocation completes even if the client closes the connection.
	ctx := context.WithoutCancel(r.Context())
	var result revocationResult
	var errs []error
	for _, i := range instances {
		logins, err := revoke(ctx, i.gateway)
		result.Logins += logins
		if err != nil {
			errs = append(errs, fmt.Errorf("revoking at gateway %s: %w", i.name, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	}
	return writeAdmin(w, result)
}

// choose returns the function that revokes the user, login or token that the request names.
func (v revocation) choose() (revoke func(context.Context, *gateway.Gateway) (int, error), err error) {
	for _, row := range []struct {
		id     string
		revoke func(context.Context, *gateway.Gateway) (int, error)
	}{
		{v.Sub, func(ctx context.Context, g *gateway.Gateway) (int, error) { return g.RevokeSubject(ctx, v.Sub) }},
		{v.Login, func(ctx context.Context, g *gateway.Gateway) (int, error) { return g.RevokeLogin(ctx, v.Login) }},
		{v.JTI, func(ctx context.Context, g *gateway.Gateway) (int, error) { return 0, g.RevokeToken(ctx, v.JTI) }},
	} {
		if row.id == "" {
			continue
		}
		if revoke != nil {
			return nil, refuseAdmin(http.StatusBadRequest, "more than one of sub, login and jti is given")
		}
		revoke = row.revoke
	}
	if revoke == nil {
		return nil, refuseAdmin(http.StatusBadRequest, "none of sub, login and jti is given")
	}
	return revoke, nil
}
