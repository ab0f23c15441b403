package redis_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// server is a redis-server of its own, on loopback, that keeps nothing on disk.
type server struct {
	address string
	options []string
	process *exec.Cmd
	lines   *bufio.Scanner // of its log
}

// startServer starts a redis-server and ends it with the test. "PORT" in an option
// stands for its port.
func startServer(t testing.TB, options ...string) *server {
	t.Helper()
	const attempts = 5 // another process may take a port that was free
	var err error
	for range attempts {
		s := &server{address: freeAddress(t), options: options}
		if err = s.start(t.TempDir()); err == nil {
			t.Cleanup(s.kill)
			return s
		}
	}
	t.Fatalf("starting redis-server: %v", err)
	return nil
}

// startCluster starts a Cluster of one node, which has all slots.
func startCluster(t testing.TB) *server {
	t.Helper()
	_, bus, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	s := startServer(t, "--cluster-enabled", "yes", "--cluster-port", bus)
	do(t, admin(t, s.address), "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
	if err := awaitLine(s.lines, "Cluster state changed: ok"); err != nil {
		t.Fatal(err)
	}
	return s
}

func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// start starts the process and returns when it accepts connections.
func (s *server) start(dir string) error {
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		return err
	}
	options := []string{"--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", dir}
	for _, option := range s.options {
		options = append(options, strings.ReplaceAll(option, "PORT", port))
	}
	s.process = exec.Command("redis-server", options...)
	out, err := s.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.process.Start(); err != nil {
		return err
	}
	s.lines = bufio.NewScanner(out)
	if err := awaitLine(s.lines, "Ready to accept connections"); err != nil {
		s.kill()
		return err
	}
	return nil
}

// awaitLine reads the log until a line has the text.
func awaitLine(lines *bufio.Scanner, text string) error {
	var seen []string
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return nil
		}
		seen = append(seen, lines.Text())
	}
	return errors.New("redis-server ended:\n" + strings.Join(seen, "\n"))
}

// kill ends the process, and what it kept.
func (s *server) kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

// restart starts it again on the same address, empty.
func (s *server) restart(t testing.TB) {
	t.Helper()
	if err := s.start(t.TempDir()); err != nil {
		t.Fatalf("restarting redis-server: %v", err)
	}
}

// hang stops the process where it is: connections stay, nothing answers.
func (s *server) hang(t testing.TB) { s.signal(t, syscall.SIGSTOP) }

// wake lets it go on.
func (s *server) wake(t testing.TB) { s.signal(t, syscall.SIGCONT) }

func (s *server) signal(t testing.TB, sent syscall.Signal) {
	t.Helper()
	if err := s.process.Process.Signal(sent); err != nil {
		t.Fatal(err)
	}
}

// admin returns a client for what a gateway does not do.
func admin(t testing.TB, address string) rueidis.Client {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{address}, ForceSingleClient: true, DisableCache: true, PipelineMultiplex: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// do runs a command and returns its answer.
func do(t testing.TB, client rueidis.Client, words ...string) *rueidis.RedisMessage {
	t.Helper()
	got, err := client.Do(context.Background(), client.B().Arbitrary(words...).Build()).ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		t.Fatalf("%s: %v", words[0], err)
	}
	return &got
}

// dump returns every key of a server and all that it holds, by key.
func dump(t testing.TB, client rueidis.Client) map[string]string {
	t.Helper()
	read := map[string][]string{
		"string": {"GET"},
		"hash":   {"HGETALL"},
		"zset":   {"ZRANGE", "", "0", "-1", "WITHSCORES"},
	}
	names, err := do(t, client, "KEYS", "*").AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, key := range names {
		kind, err := do(t, client, "TYPE", key).ToString()
		if err != nil || read[kind] == nil {
			t.Fatalf("%s is a %s, %v", key, kind, err)
		}
		command := append([]string{read[kind][0], key}, read[kind][min(2, len(read[kind])):]...)
		all[key] = do(t, client, command...).String()
	}
	return all
}

// secret is what the tests' stores seal with.
const secret = "not a secret, but as long as one"

// config is how the tests reach a server. A busy machine may take its time.
func config(address string) redis.Config {
	return redis.Config{Addresses: []string{address}, Secret: []byte(secret), Timeout: time.Minute}
}

// open opens a store and closes it with the test.
func open(t testing.TB, c redis.Config) *redis.Store {
	t.Helper()
	s, err := redis.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return s
}
