package redis

import (
	"context"
	"net"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/caddy-itsme/caddy-itsme/internal/span"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// startSpan begins the span of one command, such as redis.get. Its attributes are OpenTelemetry's
// of Redis, but for the text: its keys name logins, and its values are sealed.
// Source: https://opentelemetry.io/docs/specs/semconv/db/redis/.
func (c *connection) startSpan(ctx context.Context, do command) (context.Context, trace.Span) {
	attributes := []attribute.KeyValue{
		semconv.DBSystemNameRedis,
		semconv.DBOperationName(do.name),
		semconv.DBNamespace(strconv.Itoa(c.config.Database)),
	}
	if do.script != "" {
		attributes = append(attributes, semconv.DBStoredProcedureName(do.script))
	}
	if len(c.config.Addresses) == 1 && c.config.Sentinel == nil { // else the client chooses
		attributes = append(attributes, serverAttributes(c.config.Addresses[0])...)
	}
	return span.StartClient(ctx, "redis."+strings.ToLower(do.name), attributes...)
}

// serverAttributes are host and port of an address, or the path of a socket.
func serverAttributes(address string) []attribute.KeyValue {
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		return []attribute.KeyValue{semconv.ServerAddress(path)}
	}
	host, text, _ := net.SplitHostPort(address)
	attributes := []attribute.KeyValue{semconv.ServerAddress(host)}
	if port, err := strconv.Atoi(text); err == nil {
		attributes = append(attributes, semconv.ServerPort(port))
	}
	return attributes
}

// endSpan ends the span of a command. What Redis wrote may quote what it was sent, and is left out.
func endSpan(s trace.Span, err error) {
	span.End(s, err, context.Canceled, context.DeadlineExceeded, ErrUnreadable, store.ErrUnavailable)
}
