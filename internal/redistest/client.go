//go:build unix

package redistest

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// Client returns a client of this server for what a gateway does not do. Every call returns the same one.
// Kill closes it.
func (s *Server) Client(t testing.TB) rueidis.Client {
	t.Helper()
	if s.client == nil {
		s.client = s.connect(t)
	}
	return s.client
}

// NewClient returns a client of its own, for a command that takes long. The test closes it.
func (s *Server) NewClient(t testing.TB) rueidis.Client {
	t.Helper()
	client := s.connect(t)
	t.Cleanup(client.Close)
	return client
}

func (s *Server) connect(t testing.TB) rueidis.Client {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{s.Address}, Username: s.admin.username, Password: s.admin.password,
		ForceSingleClient: true, DisableCache: true, PipelineMultiplex: -1,
		DialCtxFn: func(ctx context.Context, _ string, dialer *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return s.dial(ctx, dialer)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (s *Server) dial(ctx context.Context, dialer *net.Dialer) (net.Conn, error) {
	if s.Socket != "" {
		return dialer.DialContext(ctx, "unix", s.Socket)
	}
	if s.admin.authority != nil {
		return (&tls.Dialer{NetDialer: dialer, Config: s.admin.authority.Config()}).DialContext(ctx, "tcp", s.Address)
	}
	return dialer.DialContext(ctx, "tcp", s.Address)
}

// Do runs a command and returns its answer. An error of the server fails the test.
func (s *Server) Do(t testing.TB, words ...string) *rueidis.RedisMessage {
	t.Helper()
	got, err := s.Try(t, words...)
	if err != nil {
		t.Fatalf("%s: %v", words[0], err)
	}
	return got
}

// Try runs a command and returns its answer, or the error of the server. Nil is no error.
func (s *Server) Try(t testing.TB, words ...string) (*rueidis.RedisMessage, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	client := s.Client(t)
	run := func() (rueidis.RedisMessage, error) {
		return client.Do(ctx, client.B().Arbitrary(words...).Build()).ToMessage()
	}
	got, err := run()
	if _, answered := rueidis.IsRedisErr(err); err != nil && !answered {
		got, err = run() // a server that changes its role closes the connections
	}
	if err != nil && !rueidis.IsRedisNil(err) {
		return nil, err
	}
	return &got, nil
}

// Text runs a command that answers with a text, such as INFO.
func (s *Server) Text(t testing.TB, words ...string) string {
	t.Helper()
	text, err := s.Do(t, words...).ToString()
	if err != nil {
		t.Fatalf("%s: %v", words[0], err)
	}
	return text
}

// Dump returns every key of the server and all that it holds, by key.
func (s *Server) Dump(t testing.TB) map[string]string {
	t.Helper()
	read := map[string][]string{
		"string": {"GET"},
		"hash":   {"HGETALL"},
		"zset":   {"ZRANGE", "", "0", "-1", "WITHSCORES"},
		"set":    {"SMEMBERS"},
		"list":   {"LRANGE", "", "0", "-1"},
	}
	names, err := s.Do(t, "KEYS", "*").AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, key := range names {
		kind := s.Text(t, "TYPE", key)
		if read[kind] == nil {
			t.Fatalf("%s is a %s", key, kind)
		}
		command := append([]string{read[kind][0], key}, read[kind][min(2, len(read[kind])):]...)
		all[key] = s.Do(t, command...).String()
	}
	return all
}

// Until asks again and again until the answer is yes, and fails the test when that takes too long.
func Until(t testing.TB, what string, yes func() bool) {
	t.Helper()
	deadline := time.After(Patience)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !yes() {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("waiting until %s: %v are over", what, Patience)
		}
	}
}
