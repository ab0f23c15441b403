//go:build unix

package redistest

import (
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// StartReplica starts a replica of a primary, and waits until it has the primary's data.
func StartReplica(t testing.TB, primary *Server, options ...string) *Server {
	t.Helper()
	s := Start(t, slices.Concat(options, []string{"--replicaof", "127.0.0.1 " + primary.Port(), "--repl-diskless-sync-delay", "0"})...)
	s.AwaitSync(t)
	return s
}

// StartPair starts a primary and one replica of it.
func StartPair(t testing.TB, options ...string) (primary, replica *Server) {
	t.Helper()
	primary = Start(t, slices.Concat(options, []string{"--repl-diskless-sync-delay", "0"})...)
	return primary, StartReplica(t, primary, options...)
}

// Demote makes the server a replica of another. Its connections stay open.
func (s *Server) Demote(t testing.TB, primary *Server) {
	t.Helper()
	host, port, err := net.SplitHostPort(primary.Address)
	if err != nil {
		t.Fatal(err)
	}
	s.Do(t, "REPLICAOF", host, port)
}

// Promote makes the server a primary.
func (s *Server) Promote(t testing.TB) {
	t.Helper()
	s.Do(t, "REPLICAOF", "NO", "ONE")
}

// AwaitSync waits until a replica is connected to its primary and has its data.
func (s *Server) AwaitSync(t testing.TB) {
	t.Helper()
	Until(t, "the replica is connected", func() bool {
		return strings.Contains(s.Text(t, "INFO", "replication"), "master_link_status:up")
	})
}

// Role returns what the server says it is: master or slave.
func (s *Server) Role(t testing.TB) string {
	t.Helper()
	fields, err := s.Do(t, "ROLE").ToArray()
	if err != nil || len(fields) == 0 {
		t.Fatalf("ROLE: %v", err)
	}
	role, err := fields[0].ToString()
	if err != nil {
		t.Fatal(err)
	}
	return role
}

// offsets are what INFO says of a primary's own offset, and of its first replica's.
var offsets = regexp.MustCompile(`(?s)slave0:[^\n]*offset=(\d+).*master_repl_offset:(\d+)`)

// AwaitReplica waits until the replica of a primary has everything that was written there. WAIT would look
// at the writes of its own connection alone.
func (s *Server) AwaitReplica(t testing.TB) {
	t.Helper()
	Until(t, "the replica has everything", func() bool {
		found := offsets.FindStringSubmatch(s.Text(t, "INFO", "replication"))
		return found != nil && found[1] == found[2]
	})
}
