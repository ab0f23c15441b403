package identity

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/caddy-itsme/caddy-itsme/internal/span"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// spanVerify is the span of the check of a token that is not in the cache. A cached token gets no span: its
// check takes no time.
const spanVerify = "token.verify"

// startVerify begins the span of a token's first check.
func startVerify(ctx context.Context, kind store.Kind) trace.Span {
	_, s := span.Start(ctx, spanVerify, span.KindKey.String(kind.String()))
	return s
}

// endVerify ends the span of a token's first check.
func endVerify(s trace.Span, err error) {
	span.End(s, err, token.ErrNoKeys, token.ErrMalformed, token.ErrType, token.ErrAlgorithm, token.ErrUnknownKey,
		token.ErrSignature, token.ErrDecryption, token.ErrExpired, token.ErrNotYetValid, token.ErrIssuer, token.ErrAudience, token.ErrClaims)
}
