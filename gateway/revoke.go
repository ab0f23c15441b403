package gateway

import (
	"context"
	"net/http"
)

// serveRevoke answers POST /revoke (RFC 7009). It revokes an access token alone, or with a refresh token the
// whole login. A token that is unknown or no longer valid is not an error.
func (a *appAPI) serveRevoke(x exchange) error {
	form, err := readForm(x.r, "token", "token_type_hint", "client_id")
	if err != nil {
		return err
	}
	if err := a.checkClient(x, form); err != nil {
		return err
	}
	raw := form.Get("token")
	if raw == "" {
		return requestErrorf("token is required")
	}
	if err := x.admitted(); err != nil {
		return err
	}
	if err := a.logins.Revoke(x.r.Context(), raw); err != nil {
		return err
	}
	noStore(x.w.Header())
	x.w.WriteHeader(http.StatusOK)
	return nil
}

// RevokeToken revokes the token with that jti on every replica, and no other token of its login. Past a
// number of revocations in one login, it ends the login. It returns an error when the store cannot take the
// revocation.
func (g *Gateway) RevokeToken(ctx context.Context, jti string) error {
	return g.logins.RevokeToken(ctx, jti)
}

// RevokeLogin revokes every token of the login that a jti belongs to, and ends its refreshing. It returns the
// number of refreshable logins that it ended: one or none.
func (g *Gateway) RevokeLogin(ctx context.Context, jti string) (logins int, err error) {
	return g.logins.RevokeLogin(ctx, jti)
}

// RevokeSubject revokes all tokens that any replica issued to a subject before, the subject's finishes under
// way, and the refreshing of logins that began before. It returns the number of running logins that it ended.
// An access token without a running login is revoked too, but not counted.
//
// The subject can log in again at once. A login that starts on another replica within [store.MaxStaleness]
// may count as under way: it then ends without a token.
func (g *Gateway) RevokeSubject(ctx context.Context, subject string) (logins int, err error) {
	return g.logins.RevokeSubject(ctx, subject)
}
