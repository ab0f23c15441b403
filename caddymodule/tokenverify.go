package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// refusals say of every reason to refuse a token what it means to an operator.
func refusals() []struct {
	err   error
	words string
} {
	return []struct {
		err   error
		words string
	}{
		{token.ErrTooLarge, fmt.Sprintf("it is longer than %d bytes, and no token of the gateway is", token.MaxSize)},
		{token.ErrMalformed, "it is not written as the gateway writes tokens; was it cut, or is it another issuer's?"},
		{token.ErrType, "it is no access token; a session token, the value of a browser's cookie, is for the gateway alone"},
		{token.ErrUnknownKey, "it names a key that this gateway does not publish: another gateway or another storage made it, or its key was dropped, or rotated so long ago that all its tokens have expired"},
		{token.ErrAlgorithm, "it is signed by another algorithm than its key is for"},
		{token.ErrSignature, "its signature is not that of the key which it names; somebody changed it, or it was cut"},
		{token.ErrIssuer, "another issuer made it"},
		{token.ErrAudience, "it is for somebody else; inspect shows its aud"},
		{token.ErrExpired, "its time is over; inspect shows its exp"},
		{token.ErrNotYetValid, fmt.Sprintf("it is from the future: the clocks of the gateway and of this machine differ by more than %v", token.Skew)},
		{token.ErrClaims, "it lacks a claim that every token of the gateway has"},
	}
}

// verification is a token to verify.
type verification struct {
	raw      string
	audience string // empty takes the gateway's
	now      func() time.Time
}

// tell writes which of the gateways issued the token. If none did, its error says why.
func (v verification) tell(ctx context.Context, out io.Writer, all []gatewayKeys) error {
	if isRefreshToken(v.raw) {
		return errors.New("this is a refresh token: only a gateway can say whether it is good, by exchanging it")
	}
	keys, err := v.choose(all)
	if err != nil {
		return err
	}
	claims, err := v.verify(ctx, keys)
	if err != nil {
		return fmt.Errorf("gateway %s: %w", keys.name, err)
	}
	_, err = fmt.Fprintf(out, "good: an access token of gateway %s for %s, which expires %s\nnot looked at: whether it was revoked\n",
		keys.name, strings.Join(claims.Audience, " "), distance(claims.ExpiresAt, v.now()))
	return err
}

// choose returns the one gateway, or of several the one that the token names as its issuer.
func (v verification) choose(all []gatewayKeys) (gatewayKeys, error) {
	if len(all) == 1 {
		return all[0], nil
	}
	parsed, err := parseToken(v.raw)
	if err != nil {
		return gatewayKeys{}, err
	}
	names := make([]string, len(all))
	for i, keys := range all {
		config, err := keys.tokenConfig()
		if err != nil {
			return gatewayKeys{}, fmt.Errorf("gateway %s: %w", keys.name, err)
		}
		if parsed.claims["iss"] == config.Token.Issuer {
			return keys, nil
		}
		names[i] = keys.name
	}
	return gatewayKeys{}, fmt.Errorf("the token is not good: its iss is none of the gateways'; to see what else is wrong, choose one with --gateway: %s", strings.Join(names, " "))
}

// verify judges as the gateway does, by its own keys.
func (v verification) verify(ctx context.Context, keys gatewayKeys) (*token.Claims, error) {
	config, err := keys.tokenConfig()
	if err != nil {
		return nil, err
	}
	if v.audience != "" {
		config.Token.Audience = []string{v.audience}
	}
	set, err := keys.set(ctx)
	if err != nil {
		return nil, err
	}
	config.Keys, config.Now = new(token.Ring), v.now
	config.Keys.Set(set)
	authority, err := config.Authority()
	if err != nil {
		return nil, err
	}
	claims, err := authority.VerifyAccess(v.raw)
	for _, refusal := range refusals() {
		if errors.Is(err, refusal.err) {
			return nil, fmt.Errorf("the token is not good: %s (%w)", refusal.words, err)
		}
	}
	return claims, err
}

// tokenConfig is what the configuration says of tokens. What is secret in it is not at hand, maybe.
func (g gatewayKeys) tokenConfig() (gateway.Config, error) {
	open := g.config
	open.Signicat = Signicat{}
	e := &expander{replacer: caddy.NewReplacer()}
	config := open.config(e)
	return config.WithDefaults(), e.err
}

// set is the keys that the gateway publishes now.
func (g gatewayKeys) set(ctx context.Context) (*token.KeySet, error) {
	if g.file != "" {
		return keyring.ReadFile(g.file, g.algorithm, slog.New(slog.DiscardHandler))
	}
	keys, err := g.open()
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
