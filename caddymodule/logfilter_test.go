package caddymodule_test

import (
	"net/http"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddy-itsme/caddy-itsme/caddymodule"
)

func newLogFilter(t testing.TB, line string) *caddymodule.LogFilter {
	t.Helper()
	filter := new(caddymodule.LogFilter)
	if err := filter.UnmarshalCaddyfile(caddyfile.NewTestDispenser(line)); err != nil {
		t.Fatal(err)
	}
	if err := filter.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	return filter
}

// logged returns the value of a field as the encoder gets it.
func logged(field zapcore.Field) any {
	encoder := zapcore.NewMapObjectEncoder()
	field.AddTo(encoder)
	return encoder.Fields[field.Key]
}

// environment is an object as php_fastcgi logs it.
type environment map[string]string

func (e environment) MarshalLogObject(encoder zapcore.ObjectEncoder) error {
	for name, value := range e {
		encoder.AddString(name, value)
	}
	return nil
}

// nested is an object with an object in it, as another module may log it.
type nested struct{ header http.Header }

func (n nested) MarshalLogObject(encoder zapcore.ObjectEncoder) error {
	if err := encoder.AddReflected("X-Itsme-Nin", n.header); err != nil {
		return err
	}
	if err := encoder.AddReflected("reason", "none"); err != nil {
		return err
	}
	return encoder.AddObject("deeper", caddyhttp.LoggableHTTPHeader{Header: n.header})
}

func TestLogFilterRedactsWhoItIs(t *testing.T) {
	t.Parallel()
	hidden, plain := []any{"REDACTED"}, []any{"shown"}
	filter := newLogFilter(t, "itsme X-Token X-User-Id")
	for _, row := range []struct {
		name  string
		field zapcore.Field
		want  any
	}{
		{"headers under any spelling", zap.Object("headers", caddyhttp.LoggableHTTPHeader{ShouldLogCredentials: true, Header: http.Header{
			"X-Itsme-Nin": {"secret", "secret"}, "x_itsme.nin": {"secret"}, "X-ITSME-SUBJECT": {"secret"},
			"X-Token": {"secret"}, "x_user.id": {"secret"}, "Authorization": {"secret"}, "Cookie": {"secret"},
			"Set-Cookie": {"secret"}, "Proxy-Authorization": {"secret"}, "Accept": {"shown"}, "X-Itsmelike": {"shown"},
		}}), map[string]any{
			"X-Itsme-Nin": hidden, "x_itsme.nin": hidden, "X-ITSME-SUBJECT": hidden,
			"X-Token": hidden, "x_user.id": hidden, "Authorization": hidden, "Cookie": hidden,
			"Set-Cookie": hidden, "Proxy-Authorization": hidden, "Accept": plain, "X-Itsmelike": plain,
		}},
		{"a CGI environment", zap.Object("env", environment{
			"HTTP_X_ITSME_NIN": "secret", "HTTP_AUTHORIZATION": "secret", "HTTP_COOKIE": "secret", "HTTP_X_TOKEN": "secret",
			"HTTP_ACCEPT": "shown", "uri": "/cb?code=secret&state=secret",
		}), map[string]any{
			"HTTP_X_ITSME_NIN": "REDACTED", "HTTP_AUTHORIZATION": "REDACTED", "HTTP_COOKIE": "REDACTED", "HTTP_X_TOKEN": "REDACTED",
			"HTTP_ACCEPT": "shown", "uri": "/cb?REDACTED",
		}},
		{"an object in an object", zap.Object("other", nested{http.Header{"X-Itsme-Nin": {"secret"}, "Accept": {"shown"}}}), map[string]any{
			"X-Itsme-Nin": "REDACTED", "reason": "none",
			"deeper": map[string]any{"X-Itsme-Nin": hidden, "Accept": plain},
		}},
		{"a redirect URL", zap.String("uri", "/itsme/callback?state=secret"), "/itsme/callback?REDACTED"},
		{"a malformed query", zap.String("uri", "/itsme/callback?%zz;code=secret"), "/itsme/callback?REDACTED"},
		{"another URL", zap.String("uri", "/x?page=2"), "/x?page=2"},
		{"a header of its own", zap.Array("X-Itsme-Nin", caddyhttp.LoggableStringArray{"secret"}), "REDACTED"},
		{"a text", zap.String("note", "secret"), "REDACTED"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(row.want, logged(filter.Filter(row.field))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
