package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// refusals returns the explanation of each error of a verification, for operators.
func refusals() []refusal {
	return []refusal{
		{token.ErrTooLarge, fmt.Sprintf("it is longer than %d bytes, the limit for tokens of the gateway", token.MaxSize)},
		{token.ErrMalformed, "it does not have the form of the gateway's tokens; it was cut, or another issuer made it"},
		{token.ErrType, "it is not an access token; a session token, the value of a browser's cookie, is for the gateway alone"},
		{token.ErrMinted, "it was minted for an upstream (it has sid), so the gateway takes it for no credential"},
		{token.ErrUnknownKey, "it names a key that this gateway does not publish: it is from another gateway or storage, or its key was dropped, or its key was rotated and all tokens of the key have expired"},
		{token.ErrAlgorithm, "it is signed with another algorithm than its key is for"},
		{token.ErrSignature, "its signature does not match; the token was changed or cut"},
		{token.ErrDecryption, "the gateway with this issuer and these keys did not encrypt it, or it was changed or cut"},
		{token.ErrIssuer, "another issuer made it"},
		{token.ErrAudience, "it is for another audience"},
		{token.ErrExpired, "it has expired"},
		{token.ErrNotYetValid, fmt.Sprintf("it is from the future: the clocks of the gateway and this machine differ by more than %v", token.Skew)},
		{token.ErrClaims, "it lacks a claim that every token of the gateway has"},
	}
}

type refusal struct {
	err  error
	text string
}

// verification is a token to verify.
type verification struct {
	raw      string
	audience string // empty means the gateway's
	now      func() time.Time
}

// write verifies the token and writes which gateway issued it. Its error says why a token is refused.
func (v verification) write(ctx context.Context, out io.Writer, gateways []Gateway) error {
	if isRefreshToken(v.raw) {
		return errors.New("this is a refresh token: only its gateway can verify it, by exchanging it")
	}
	g, err := v.choose(gateways)
	if err != nil {
		return err
	}
	claims, err := v.verify(ctx, g)
	if err != nil {
		return fmt.Errorf("gateway %s: %w", g.name(), err)
	}
	_, err = fmt.Fprintf(out, "valid: an access token of gateway %s for %s, which expires %s\nnot checked: whether it was revoked\n",
		g.name(), strings.Join(claims.Audience, " "), relativeTime(claims.ExpiresAt, v.now()))
	return err
}

// choose returns the gateway that the token names as its issuer. With a single gateway it does not read the
// issuer.
func (v verification) choose(gateways []Gateway) (Gateway, error) {
	if len(gateways) == 1 {
		return gateways[0], nil
	}
	if token.IsEncrypted(v.raw) {
		return Gateway{}, errors.New("the token is encrypted, so that only its gateway reads its issuer; select a gateway with --gateway")
	}
	claims, err := unverifiedClaims(v.raw)
	if err != nil {
		return Gateway{}, err
	}
	names := make([]string, len(gateways))
	for i, g := range gateways {
		if claims.Issuer == g.Owner.Issuer {
			return g, nil
		}
		names[i] = g.name()
	}
	return Gateway{}, fmt.Errorf("the token is not valid: none of the gateways is its issuer (iss); for a full check select a gateway with --gateway: %s", strings.Join(names, " "))
}

// verify verifies the token as the gateway does, with the gateway's keys.
func (v verification) verify(ctx context.Context, g Gateway) (*token.Claims, error) {
	config := g.Tokens
	if v.audience != "" {
		config.Token.Audience = []string{v.audience}
	}
	set, err := g.published(ctx)
	if err != nil {
		return nil, err
	}
	config.Keys, config.Now = new(token.Keys), v.now
	config.Keys.Set(set)
	authority, err := config.Authority()
	if err != nil {
		return nil, err
	}
	claims, err := authority.VerifyAccess(v.raw)
	for _, refusal := range refusals() {
		if errors.Is(err, refusal.err) {
			return nil, fmt.Errorf("the token is not valid: %s%s (%w)", refusal.text, v.detail(err), err)
		}
	}
	return claims, err
}

// detail returns the claim that an error is about. The signature was verified before.
func (v verification) detail(err error) string {
	claims, malformed := unverifiedClaims(v.raw)
	switch {
	case malformed != nil:
	case errors.Is(err, token.ErrAudience):
		return fmt.Sprintf("; its aud is %q", claims.Audience)
	case errors.Is(err, token.ErrExpired):
		return "; it expired " + relativeTime(time.Unix(claims.ExpiresAt, 0), v.now())
	}
	return ""
}

// published returns the keys that the gateway publishes now.
func (g Gateway) published(ctx context.Context) (*token.KeySet, error) {
	if g.KeyFile != "" {
		return keyring.ReadFile(g.KeyFile, g.Algorithm, slog.New(slog.DiscardHandler))
	}
	keys, err := g.Open()
	if err != nil {
		return nil, err
	}
	state, err := keys.Read(ctx)
	if err != nil {
		return nil, err
	}
	published := state.Set().Published(keys.Rotation, keys.Now())
	if len(published) == 0 {
		return nil, keyring.ErrNoKeys
	}
	return keyring.KeySet(published)
}
