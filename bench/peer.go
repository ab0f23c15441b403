package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// peer is other software that verifies the gateway's tokens, and sets the same headers from them.
type peer struct {
	name string
	// goal is for the gateway against it; zero is none.
	goal float64
	// start runs it in front of the upstream. It gets the keys from the gateway.
	start func(ctx context.Context, l *lab, p *protected) (*server, error)
}

// peers returns software that can be installed without an account: from Go's module proxy and from Debian.
func peers(xcaddy string) []peer {
	return []peer{
		{"plain Caddy, which verifies nothing", 0, func(ctx context.Context, l *lab, _ *protected) (*server, error) {
			return l.plain(ctx, static)
		}},
		{"HAProxy, jwt_verify", 0.98, startHAProxy},
		{"Apache, mod_auth_openidc", 0, startApache},
		{"Caddy, ggicci/caddy-jwt", 0, func(ctx context.Context, l *lab, p *protected) (*server, error) {
			return startCaddyJWT(ctx, l, p, xcaddy)
		}},
	}
}

// measurePeers compares the gateway, with one ES256 token and with tokens that it sees for the first
// time, with every peer that starts. It writes the others to stderr, with the reason.
func measurePeers(ctx context.Context, l *lab, xcaddy string, rounds int, random *rand.Rand) ([]row, error) {
	g := &gatewayBench{name: "ES256"}
	if err := g.open(ctx, l, token.ES256); err != nil {
		return nil, err
	}
	ours := g.one.gateway
	if err := os.WriteFile(l.path("public.pem"), ours.public, 0o644); err != nil {
		return nil, err
	}
	first, err := ours.sign(1)
	if err != nil {
		return nil, err
	}
	type measuredPeer struct {
		peer
		contender *contender
	}
	var found []measuredPeer
	all := []*contender{g.one.contender, g.first.contender}
	for _, p := range peers(xcaddy) {
		s, err := p.start(ctx, l, ours)
		if err == nil {
			err = verifies(ctx, s, first[0])
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s could not be measured: %v\n", p.name, err)
			continue
		}
		c := &contender{name: p.name, server: s, want: g.one.want, prepare: g.one.prepare}
		found, all = append(found, measuredPeer{p, c}), append(all, c)
	}
	if err := play(ctx, all, rounds, random); err != nil {
		return nil, err
	}
	var rows []row
	for _, p := range found {
		rows = append(rows,
			row{what: p.name + ", CPU of a request", unit: "us", sample: p.contender.spent},
			row{what: "the gateway, one token, against " + p.name, sample: ratios(g.one.spent, p.contender.spent), goal: p.goal},
			row{what: "the gateway, first sight, against " + p.name, sample: ratios(g.first.spent, p.contender.spent)},
		)
	}
	return rows, nil
}

// serve writes a configuration and runs a command with it.
func (l *lab) serve(ctx context.Context, name, config string, values []string, command func(addr, file string) []string) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	values = append(values, "{{addr}}", addr, "{{upstream}}", l.upstream, "{{dir}}", l.dir)
	file := l.path(name)
	if err := os.WriteFile(file, []byte(strings.NewReplacer(values...).Replace(config)), 0o600); err != nil {
		return nil, err
	}
	return l.keep(startServer(ctx, addr, l.dir, command(addr, file)...))
}

// haproxy verifies ES256 and the exp of the token, and sends the same four claims.
const haproxy = `defaults
	mode http
	timeout connect 5s
	timeout client 5m
	timeout server 5m
frontend in
	bind {{addr}}
	http-request set-var(txn.exp) http_auth_bearer,jwt_payload_query('$.exp','int')
	http-request set-var(txn.now) date()
	http-request deny deny_status 401 unless { http_auth_bearer,jwt_verify("ES256","{{dir}}/public.pem") 1 }
	http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }
	http-request set-header X-Itsme-Subject %[http_auth_bearer,jwt_payload_query('$.sub')]
	http-request set-header X-Itsme-Acr %[http_auth_bearer,jwt_payload_query('$.acr')]
	http-request set-header X-Itsme-Auth-Time %[http_auth_bearer,jwt_payload_query('$.auth_time','int')]
	http-request set-header X-Itsme-Name %[http_auth_bearer,jwt_payload_query('$.name')]
	default_backend out
backend out
	server upstream {{upstream}}
`

func startHAProxy(ctx context.Context, l *lab, p *protected) (*server, error) {
	return l.serve(ctx, "haproxy.cfg", haproxy, nil, func(_, file string) []string {
		return []string{"haproxy", "-db", "-f", file}
	})
}

// apache sends the claims in headers of its own names, and the subject in ours, by which the upstream knows
// an identity. It reads a JWKS over https only, so that its configuration has the keys.
const apache = `ServerRoot {{dir}}
ServerName localhost
PidFile {{dir}}/apache.pid
Listen {{addr}}
DefaultRuntimeDir {{dir}}
User www-data
Group www-data
LoadModule mpm_event_module {{modules}}/mod_mpm_event.so
LoadModule authn_core_module {{modules}}/mod_authn_core.so
LoadModule authz_core_module {{modules}}/mod_authz_core.so
LoadModule authz_user_module {{modules}}/mod_authz_user.so
LoadModule headers_module {{modules}}/mod_headers.so
LoadModule proxy_module {{modules}}/mod_proxy.so
LoadModule proxy_http_module {{modules}}/mod_proxy_http.so
LoadModule auth_openidc_module {{modules}}/mod_auth_openidc.so
ErrorLog /dev/stderr
MaxKeepAliveRequests 0
KeepAliveTimeout 300
ThreadsPerChild 64
OIDCOAuthVerifyJwksUri {{jwks}}
OIDCOAuthSSLValidateServer Off
OIDCOAuthRemoteUserClaim sub
<Location />
	AuthType oauth20
	Require valid-user
	RequestHeader set X-Itsme-Subject "expr=%{REMOTE_USER}"
	ProxyPass http://{{upstream}}/
</Location>
`

func startApache(ctx context.Context, l *lab, p *protected) (*server, error) {
	jwks := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = w.Write(p.jwks)
	}))
	l.closers = append(l.closers, jwks.Close)
	values := []string{"{{modules}}", "/usr/lib/apache2/modules", "{{jwks}}", jwks.URL}
	return l.serve(ctx, "apache.conf", apache, values, func(_, file string) []string {
		return []string{"apache2", "-D", "FOREGROUND", "-f", file}
	})
}

// caddyJWT verifies with the keys of the gateway's JWKS.
const caddyJWT = `jwtauth {
		jwk_url {{jwks}}
		issuer_whitelist {{issuer}}
		user_claims sub
		meta_claims acr auth_time name
	}
	request_header X-Itsme-Subject {http.auth.user.id}
	request_header X-Itsme-Acr {http.auth.user.acr}
	request_header X-Itsme-Auth-Time {http.auth.user.auth_time}
	request_header X-Itsme-Name {http.auth.user.name}`

func startCaddyJWT(ctx context.Context, l *lab, p *protected, xcaddy string) (*server, error) {
	build := exec.CommandContext(ctx, xcaddy, "build", output("go", "list", "-m", "-f", "{{.Version}}", "github.com/caddyserver/caddy/v2"),
		"--with", "github.com/ggicci/caddy-jwt", "--output", l.path("caddy-jwt"))
	build.Dir = l.dir
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building: %w: %s", err, tail(text))
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	return l.start(ctx, caddy{
		binary: "caddy-jwt", site: caddyJWT,
		values: []string{"{{jwks}}", "http://" + p.addr + gateway.DefaultPath + "/jwks.json", "{{issuer}}", "http://" + p.addr},
	}, addr)
}

// tail returns the last lines of a program's output, which have its error.
func tail(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "\n")
}

// verifies sends one request, after which software that fetches keys has them.
func verifies(ctx context.Context, s *server, bearer string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+"/", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if err != nil || response.StatusCode != http.StatusOK || string(body) != string(identified) {
		return fmt.Errorf("%w: %d %q: %s", errAnswer, response.StatusCode, body, s.output.Bytes())
	}
	return nil
}
