package redis_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

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
		"set":    {"SMEMBERS"},
		"list":   {"LRANGE", "", "0", "-1"},
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
