//go:build unix

package redistest

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Sentinel is a primary with replicas that three Sentinels watch.
type Sentinel struct {
	// Master is the name by which the Sentinels know the primary.
	Master string
	// Username and Password are those of a user of the Sentinels who may do what a client needs. The
	// servers that they watch have no password.
	Username, Password string
	// Sentinels are the three, in any order.
	Sentinels []*Server
	// Servers are the primary and its replicas, as they were at the start.
	Servers []*Server
}

const (
	sentinelMaster = "itsme-primary"
	// sentinelConfig is a Sentinel's file. The default user is off, so that a client needs its own.
	sentinelConfig = `
bind 127.0.0.1
port PORT
sentinel monitor itsme-primary 127.0.0.1 PRIMARY 2
sentinel down-after-milliseconds itsme-primary 3000
sentinel failover-timeout itsme-primary 20000
user default off
user sentinels on >between-sentinels allchannels allcommands
sentinel sentinel-user sentinels
sentinel sentinel-pass between-sentinels
user watcher on >watcher-password resetchannels &* -@all +@connection +subscribe +sentinel|get-master-addr-by-name +sentinel|sentinels +sentinel|replicas
`
)

// StartSentinel starts a primary, one replica, and three Sentinels that know each other. A primary that
// does not answer for three seconds is replaced.
func StartSentinel(t testing.TB, options ...string) *Sentinel {
	t.Helper()
	primary, replica := StartPair(t, options...)
	s := &Sentinel{
		Master: sentinelMaster, Username: "watcher", Password: "watcher-password",
		Servers: []*Server{primary, replica},
	}
	for range 3 {
		s.Sentinels = append(s.Sentinels, startSentinel(t, primary))
	}
	for _, sentinel := range s.Sentinels {
		Until(t, "the Sentinels know each other and the replica", func() bool {
			info := sentinel.Text(t, "INFO", "sentinel")
			return strings.Contains(info, "sentinels=3") && strings.Contains(info, "slaves=1") && strings.Contains(info, "status=ok")
		})
	}
	return s
}

func startSentinel(t testing.TB, primary *Server) *Server {
	t.Helper()
	return launch(t, func() *Server {
		return &Server{
			program: "redis-sentinel", prepare: func(s *Server) error {
				text := strings.NewReplacer("PORT", s.Port(), "PRIMARY", primary.Port()).Replace(sentinelConfig)
				return os.WriteFile(filepath.Join(s.dir, "sentinel.conf"), []byte(text), 0o600)
			},
			admin: adminOptions{username: "sentinels", password: "between-sentinels"},
		}
	})
}

// Addresses returns where the Sentinels listen.
func (s *Sentinel) Addresses() []string { return addresses(s.Sentinels) }

// Primary returns the server that the Sentinels name as the primary.
func (s *Sentinel) Primary(t testing.TB) *Server {
	t.Helper()
	named := s.named(t, s.Sentinels[0])
	at := slices.IndexFunc(s.Servers, func(server *Server) bool { return server.Address == named })
	if at < 0 {
		t.Fatalf("the Sentinels name %s", named)
	}
	return s.Servers[at]
}

func (s *Sentinel) named(t testing.TB, sentinel *Server) string {
	t.Helper()
	fields, err := sentinel.Do(t, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.Master).AsStrSlice()
	if err != nil || len(fields) != 2 {
		t.Fatalf("asking for the primary: %q, %v", fields, err)
	}
	return net.JoinHostPort(fields[0], fields[1])
}

// Failover replaces the primary by its replica, and returns when every Sentinel names the new one and the
// old one is its replica. It returns the new primary.
func (s *Sentinel) Failover(t testing.TB) *Server {
	t.Helper()
	old := s.Primary(t)
	Until(t, "a Sentinel begins the failover", func() bool {
		_, err := s.Sentinels[0].Try(t, "SENTINEL", "FAILOVER", s.Master)
		return err == nil // NOGOODSLAVE and INPROG pass
	})
	s.AwaitFailover(t, old)
	Until(t, "the old primary is a replica", func() bool { return old.Role(t) == "slave" })
	old.AwaitSync(t)
	return s.Primary(t)
}

// AwaitFailover returns when every Sentinel names another primary than the old one.
func (s *Sentinel) AwaitFailover(t testing.TB, old *Server) {
	t.Helper()
	for _, sentinel := range s.Sentinels {
		Until(t, "every Sentinel names another primary", func() bool { return s.named(t, sentinel) != old.Address })
	}
	Until(t, "the new primary takes its role", func() bool { return s.Primary(t).Role(t) == "master" })
}

func addresses(servers []*Server) []string {
	all := make([]string, len(servers))
	for i, s := range servers {
		all[i] = s.Address
	}
	return all
}
