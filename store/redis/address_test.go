package redis

import (
	"crypto/tls"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// malformed are addresses that do not parse, with a password at every place where operators put one.
// PASSWORD stands for it.
var malformed = []string{
	"PASSWORD", "PASSWORD@10.0.0.5:6379", ":PASSWORD@10.0.0.5:6379", "user:PASSWORD@10.0.0.5:6379",
	"10.0.0.5:PASSWORD", "10.0.0.5:6379:PASSWORD", "10.0.0.5:6379@PASSWORD", "10.0.0.5:6379/PASSWORD",
	"redis:PASSWORD@10.0.0.5:6379", "redis:/:PASSWORD@10.0.0.5:6379", "redis//:PASSWORD@10.0.0.5:6379",
	"redis://user:PASSWORD", "redis://user:PASSWORD@", "redis://user:PASSWORD@:6379", "redis://PASSWORD@host:port",
	"redis://user:PASSWORD@10.0.0.5:6379:1", "redis://user:PASSWORD@10.0.0.5:66666", "redis://user:PASSWORD@10.0.0.5:0",
	"redis://user:PASSWORD@10.0.0.5/one", "redis://user:PASSWORD@10.0.0.5/1/2", "redis://user:PASSWORD@10.0.0.5/-1",
	"redis://user:PASSWORD@10.0.0.5?db=1", "redis://10.0.0.5?password=PASSWORD", "redis://10.0.0.5/#PASSWORD",
	"redis://user:PASSWORD%@10.0.0.5:6379", "redis://user:%zzPASSWORD@10.0.0.5", "redis://user:PASS WORD@10.0.0.5",
	"redis://user:PASSWORD@10.0.0.5:6379\n", "redis://user:\x00PASSWORD@10.0.0.5", "redis://user:PASSWORD@[::1",
	"redis://user:PASSWORD@ho st:6379", "redis://us/er:PASSWORD@10.0.0.5", "redis://user:PASS/WORD@10.0.0.5:6379",
	"redis://user:PASS#WORD@10.0.0.5:6379", "redis://user:PASS?WORD@10.0.0.5:6379", "redis://user:PASS@WORD@10.0.0.5:port",
	" redis://user:PASSWORD@10.0.0.5", "redis:// user:PASSWORD@10.0.0.5", "redis://user:PASSWORD@10.0.0.5 ",
	"REDIS//user:PASSWORD@10.0.0.5", "http://user:PASSWORD@10.0.0.5:6379", "redis+tls://user:PASSWORD@10.0.0.5:6379",
	"rediss:user:PASSWORD@10.0.0.5:6379", "rediss://user:PASSWORD@10.0.0.5:6379,10.0.0.6:6379",
	"redis-sentinel://user:PASSWORD@10.0.0.5:26379", "redis-socket://user:PASSWORD@/run/redis.sock",
	"unix://user:PASSWORD@host/run/redis.sock", "unix://user:PASSWORD@", "unix:user:PASSWORD@/run/redis.sock",
	"unix:///run/redis.sock?password=PASSWORD", "unix:///run/redis.sock?db=PASSWORD", "unix:///run/redis.sock#PASSWORD",
	"unix//run/user:PASSWORD@redis.sock", "unix/:PASSWORD@/run/redis.sock", "unix://PASSWORD",
	"{env.REDIS_PASSWORD}PASSWORD@host:6379", "user:PASSWORD@[::1]:6379", "[PASSWORD]:6379", "[::1%PASSWORD@]:6379",
}

// TestMalformedAddressIsNotShown puts a password into everything that is no address. No error has any
// part of it, neither ours nor one of net/url, net or strconv.
func TestMalformedAddressIsNotShown(t *testing.T) {
	t.Parallel()
	for _, text := range malformed {
		for _, sentinel := range []*Sentinel{nil, {Master: "mymaster"}} {
			_, err := Open(Config{
				Addresses: []string{strings.NewReplacer("PASSWORD", "hunter2", "PASS", "hunter2", "WORD", "hunter2").Replace(text)},
				Secret:    make([]byte, MinSecret), Sentinel: sentinel,
			})
			if !errors.Is(err, ErrConfig) {
				t.Errorf("%q: %v, want %v", text, err, ErrConfig)
				continue
			}
			if strings.Contains(err.Error(), "hunter") || !strings.Contains(err.Error(), "address 1 does not parse") {
				t.Errorf("%q: the error is %q", text, err)
			}
		}
	}
}

// FuzzAddressIsNotShown looks for a text that an error shows.
func FuzzAddressIsNotShown(f *testing.F) {
	for _, text := range malformed {
		before, after, _ := strings.Cut(text, "PASSWORD")
		f.Add(before, after)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		const password = "hunter2"
		_, err := Open(Config{Addresses: []string{before + password + after}, Secret: make([]byte, MinSecret)})
		if err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("the error of %q is %q", before+password+after, err)
		}
	})
}

// TestAddresses reads every form of address.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]address{
		"10.0.0.5:6379":                           {dial: "10.0.0.5:6379"},
		"redis.example.be:6380":                   {dial: "redis.example.be:6380"},
		"[::1]:6379":                              {dial: "[::1]:6379"},
		"[fe80::1%eth0]:6379":                     {dial: "[fe80::1%eth0]:6379"},
		"unix//run/redis.sock":                    {dial: "unix:/run/redis.sock"},
		"unix:///run/redis.sock":                  {dial: "unix:/run/redis.sock", scheme: "unix"},
		"unix://user:pass@/run/redis.sock?db=2":   {dial: "unix:/run/redis.sock", scheme: "unix", username: "user", password: "pass", database: 2},
		"redis://localhost":                       {dial: "localhost:6379", scheme: "redis"},
		"redis://localhost/":                      {dial: "localhost:6379", scheme: "redis"},
		"redis://[::1]/0":                         {dial: "[::1]:6379", scheme: "redis"},
		"redis://:pass@localhost:6380/3":          {dial: "localhost:6380", scheme: "redis", password: "pass", database: 3},
		"rediss://user:p%40ss%2Fw@redis.internal": {dial: "redis.internal:6379", scheme: "rediss", username: "user", password: "p@ss/w"},
	} {
		got, ok := parseAddress(text, redisPort)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(address{})); diff != "" || !ok {
			t.Errorf("%s: %t (-want +got):\n%s", text, ok, diff)
		}
	}
	if got, ok := parseAddress("redis://sentinel", sentinelPort); got.dial != "sentinel:26379" || !ok {
		t.Errorf("a Sentinel without port is at %s, %t", got.dial, ok)
	}
}

// TestAddressesAgree: what one part of a configuration says, another does not say differently.
func TestAddressesAgree(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		c      Config
		remedy string
	}{
		"a password in two places":    {Config{Addresses: []string{"redis://:hunter2@a:1"}, Password: "other"}, "keep them in one place"},
		"a user in two places":        {Config{Addresses: []string{"redis://me@a:1"}, Username: "me"}, "keep them in one place"},
		"a database in two places":    {Config{Addresses: []string{"redis://a:1/2"}, Database: 2}, "keep them in one place"},
		"two passwords":               {Config{Addresses: []string{"redis://:hunter2@a:1", "redis://:hunter3@b:1"}}, "use one of each for all"},
		"in the clear and encrypted":  {Config{Addresses: []string{"redis://a:1", "rediss://b:1"}}, "use one of each for all"},
		"TLS and a URL in the clear":  {Config{Addresses: []string{"redis://a:1"}, TLS: new(tls.Config)}, "write rediss://"},
		"TLS and a socket":            {Config{Addresses: []string{"unix:///run/redis.sock"}, TLS: new(tls.Config)}, "leave tls out"},
		"a Sentinel's password there": {Config{Addresses: []string{"redis://:hunter2@a:1"}, Sentinel: &Sentinel{Master: "m"}}, "in the block of sentinel"},
	} {
		tt.c.Secret = make([]byte, MinSecret)
		_, err := Open(tt.c)
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), tt.remedy) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v, want %q", name, err, tt.remedy)
		}
	}
}
