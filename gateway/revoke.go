package gateway

import (
	"context"
	"net/http"
)

// serveRevoke answers POST /revoke (RFC 7009): it ends an access token alone, or with a refresh token the
// whole login. A token that is unknown or no longer valid is no error.
func (a *appAPI) serveRevoke(x exchange) error {
	form, err := readForm(x.r, "token", "token_type_hint")
	if err != nil {
		return err
	}
	raw := form.Get("token")
	if raw == "" {
		return requestErrorf("token is required")
	}
	if err := a.logins.Revoke(x.r.Context(), raw); err != nil {
		return err
	}
	noStore(x.w.Header())
	x.w.WriteHeader(http.StatusOK)
	return nil
}

// RevokeToken refuses the token with that jti from now on, on every replica, and nothing else of
// its login. After many revocations of one login's tokens, one more ends the login. It returns an
// error when the store cannot take it.
func (g *Gateway) RevokeToken(ctx context.Context, jti string) error {
	return g.logins.RevokeToken(ctx, jti)
}

// RevokeLogin refuses every token of the login that a jti belongs to, and ends its refreshing. It
// returns how many refreshable logins it ended: one, or none when the login cannot be refreshed.
func (g *Gateway) RevokeLogin(ctx context.Context, jti string) (logins int, err error) {
	return g.logins.RevokeLogin(ctx, jti)
}

// RevokeSubject refuses everything that any replica issued to a subject before, finishes that are
// under way, and the refreshing of logins that began before. It returns how many running logins it
// ended; an access token by itself cannot be counted, and is refused all the same.
//
// The subject can log in again at once. A login that starts on another replica within
// [store.MaxStaleness] may count as one that was under way: it then ends without a token.
func (g *Gateway) RevokeSubject(ctx context.Context, subject string) (logins int, err error) {
	return g.logins.RevokeSubject(ctx, subject)
}
