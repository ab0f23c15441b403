package gateway

import (
	"go.opentelemetry.io/otel/trace"

	"github.com/caddy-itsme/caddy-itsme/internal/span"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// spanVerify is the span of a token that is seen for the first time. None is begun for a request whose
// token was verified before: nothing happens there that takes time.
const spanVerify = "token.verify"

// endVerify ends the span of a token's first sight.
func endVerify(s trace.Span, err error) {
	span.End(s, err, token.ErrNoKeys, token.ErrMalformed, token.ErrType, token.ErrAlgorithm, token.ErrUnknownKey,
		token.ErrSignature, token.ErrExpired, token.ErrNotYetValid, token.ErrIssuer, token.ErrAudience, token.ErrClaims)
}
