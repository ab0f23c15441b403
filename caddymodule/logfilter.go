package caddymodule

import (
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/logging"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

func init() { caddy.RegisterModule(LogFilter{}) }

// LogFilter removes identities and credentials from log lines of other modules. At DEBUG, reverse_proxy and
// rewrite log every header, php_fastcgi logs the headers as its environment too, and a rewrite in front of
// itsme logs the query of a redirect URL. This filters all of them:
//
//	{
//		log {
//			format filter {
//				request itsme
//				uri     itsme
//				env     itsme
//			}
//		}
//	}
//
// In an object such as request, request>headers or env it redacts the gateway's headers in any spelling,
// the headers of Header, Authorization, Proxy-Authorization, Cookie and Set-Cookie. In uri it redacts a
// query with a code or state. Any other field is redacted as a whole.
type LogFilter struct {
	// Header are further headers to redact, such as the header of a site's forward_token. Default: none.
	Header []string `json:"header,omitempty"`

	sensitive func(header string) bool
}

// CaddyModule returns the Caddy module information.
func (LogFilter) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.logging.encoders.filter.itsme", New: func() caddy.Module { return new(LogFilter) }}
}

// Provision implements caddy.Provisioner.
func (f *LogFilter) Provision(caddy.Context) error {
	f.sensitive = gateway.OwnHeaders(append([]string{"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie"}, f.Header...)...)
	return nil
}

// UnmarshalCaddyfile sets up the module from Caddyfile tokens. Syntax:
//
//	<field> itsme [<header...>]
func (f *LogFilter) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	f.Header = d.RemainingArgs()
	return nil
}

// Filter implements logging.LogFieldFilter.
func (f *LogFilter) Filter(field zapcore.Field) zapcore.Field {
	switch object, ok := field.Interface.(zapcore.ObjectMarshaler); {
	case ok:
		return zap.Object(field.Key, redactedObject{object, f.secret})
	case field.Type == zapcore.StringType && field.Key == uriField:
		return zap.String(field.Key, withoutCode(field.String))
	}
	return zap.String(field.Key, redacted)
}

const (
	// redacted replaces a secret, as it does in Caddy's own log lines.
	redacted = "REDACTED"
	uriField = "uri"
	// cgiPrefix begins a header's name in a CGI environment (RFC 3875 section 4.1.18).
	cgiPrefix = "HTTP_"
)

func (f *LogFilter) secret(name string) bool {
	return f.sensitive(name) || f.sensitive(strings.TrimPrefix(name, cgiPrefix))
}

// withoutCode redacts the query of a URI if it holds a code or state, or cannot be parsed.
func withoutCode(uri string) string {
	path, query, _ := strings.Cut(uri, "?")
	if values, err := url.ParseQuery(query); err == nil && !values.Has("code") && !values.Has("state") {
		return uri
	}
	return path + "?" + redacted
}

// redactedObject is an object whose secret members are redacted, at every depth.
type redactedObject struct {
	zapcore.ObjectMarshaler
	secret func(name string) bool
}

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (o redactedObject) MarshalLogObject(encoder zapcore.ObjectEncoder) error {
	return o.ObjectMarshaler.MarshalLogObject(redactingEncoder{encoder, o.secret})
}

// redactingEncoder redacts headers, which are logged as texts or as arrays of texts.
type redactingEncoder struct {
	zapcore.ObjectEncoder
	secret func(name string) bool
}

// AddString implements zapcore.ObjectEncoder.
func (e redactingEncoder) AddString(name, value string) {
	switch {
	case e.secret(name):
		value = redacted
	case name == uriField:
		value = withoutCode(value)
	}
	e.ObjectEncoder.AddString(name, value)
}

// AddArray implements zapcore.ObjectEncoder.
func (e redactingEncoder) AddArray(name string, values zapcore.ArrayMarshaler) error {
	if e.secret(name) {
		values = caddyhttp.LoggableStringArray{redacted}
	}
	return e.ObjectEncoder.AddArray(name, values)
}

// AddObject implements zapcore.ObjectEncoder.
func (e redactingEncoder) AddObject(name string, value zapcore.ObjectMarshaler) error {
	return e.ObjectEncoder.AddObject(name, redactedObject{value, e.secret})
}

// AddReflected implements zapcore.ObjectEncoder.
func (e redactingEncoder) AddReflected(name string, value any) error {
	if e.secret(name) {
		value = redacted
	}
	return e.ObjectEncoder.AddReflected(name, value)
}

var (
	_ caddy.Provisioner      = (*LogFilter)(nil)
	_ caddyfile.Unmarshaler  = (*LogFilter)(nil)
	_ logging.LogFieldFilter = (*LogFilter)(nil)
)
