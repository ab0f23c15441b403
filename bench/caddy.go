package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// lab holds the folder in which the servers are built and run.
type lab struct {
	dir      string // of binaries, configurations and keys; removed at the end
	upstream string
	servers  []*server
	closers  []func()
}

// The programs that the lab builds, with their packages.
var programs = map[string]string{
	"caddy":        "github.com/caddyserver/caddy/v2/cmd/caddy", // of the version in go.mod
	"caddy-itsme":  "github.com/caddy-itsme/caddy-itsme/cmd/caddy-itsme",
	"signicat-sim": "github.com/caddy-itsme/caddy-itsme/cmd/signicat-sim",
}

func newLab(ctx context.Context, upstream string) (*lab, error) {
	dir, err := os.MkdirTemp("", "caddy-itsme-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir, upstream: upstream}
	for name, path := range programs {
		build := exec.CommandContext(ctx, "go", "build", "-o", l.path(name), path)
		if output, err := build.CombinedOutput(); err != nil {
			l.close()
			return nil, fmt.Errorf("building %s: %w: %s", name, err, output)
		}
	}
	return l, nil
}

func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

func (l *lab) close() {
	for _, s := range l.servers {
		s.stop()
	}
	for _, c := range l.closers {
		c()
	}
	_ = os.RemoveAll(l.dir)
}

// keep stops a server at the end.
func (l *lab) keep(s *server, err error) (*server, error) {
	if err == nil {
		l.servers = append(l.servers, s)
	}
	return s, err
}

// caddyfile is a configuration with global options and a site in front of the upstream. It uses no file or
// socket of a Caddy of this machine.
const caddyfile = `{
	admin {{admin}}
	persist_config off
	auto_https off
	storage file_system {{dir}}
	log {
		level ERROR
	}
	{{options}}
}
http://{{addr}} {
	{{site}}
	reverse_proxy {{upstream}}
}
`

// static sets the headers of the gateway to fixed values.
const static = `request_header X-Itsme-Subject 00000000000000000000000000000001
	request_header X-Itsme-Acr substantial
	request_header X-Itsme-Auth-Time 1767225600
	request_header X-Itsme-Name "Jan Peeters"`

// options configures the gateway.
const options = `itsme {
		public_url http://{{addr}}
		signicat {
			client_id {{client}}
			client_secret {{secret}}
			api_url http://{{signicat}}
		}
		attributes name
		limit {
			sessions_per_client 1000000 1m
			token_per_client 1000000 1m
			pending_per_client 100000
		}
		token {
			key {{key}}
			algorithm {{algorithm}}
			{{token}}
		}
		{{store}}
	}`

// caddy is one Caddy to start.
type caddy struct {
	binary, admin, options, site string
	values                       []string // names and values to replace, in pairs
}

// start runs it on a free address.
func (l *lab) start(ctx context.Context, c caddy, addr string) (*server, error) {
	if c.admin == "" {
		c.admin = "off"
	}
	text := strings.NewReplacer("{{options}}", c.options, "{{site}}", c.site).Replace(caddyfile)
	values := append(c.values, "{{addr}}", addr, "{{admin}}", c.admin, "{{dir}}", l.path("storage"), "{{upstream}}", l.upstream)
	file := l.path("Caddyfile-" + strings.ReplaceAll(addr, ":", "-"))
	if err := os.WriteFile(file, []byte(strings.NewReplacer(values...).Replace(text)), 0o600); err != nil {
		return nil, err
	}
	return l.keep(startServer(ctx, addr, l.dir, l.path(c.binary), "run", "--adapter", "caddyfile", "--config", file))
}

// plain starts Caddy without the module, with these directives in its site.
func (l *lab) plain(ctx context.Context, site string) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	return l.start(ctx, caddy{binary: "caddy", site: site}, addr)
}

// protected is a gateway with a signer of its tokens.
type protected struct {
	*server
	*signer
	admin string
}

// itsme starts Caddy with the gateway in front of the upstream; signicat is the simulator's address. More are
// values for {{token}} and {{store}} of its options, in pairs.
func (l *lab) itsme(ctx context.Context, algorithm token.Algorithm, signicat string, more ...string) (*protected, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	admin, err := freeAddr()
	if err != nil {
		return nil, err
	}
	key := l.path("key-" + strings.ReplaceAll(addr, ":", "-"))
	signer, err := newSigner(algorithm, "http://"+addr, key)
	if err != nil {
		return nil, err
	}
	server, err := l.start(ctx, caddy{
		binary: "caddy-itsme", admin: admin, options: options, site: "itsme",
		values: append(more,
			"{{signicat}}", signicat, "{{client}}", client, "{{secret}}", client, "{{key}}", key, "{{algorithm}}", string(algorithm),
			"{{token}}", "", "{{store}}", ""),
	}, addr)
	return &protected{server, signer, admin}, err
}

// client is the id and the secret of the API client at the simulator.
const client = "bench"
