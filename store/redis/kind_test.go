package redis_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// TestWrongKindNamesTheWords: what listens is of another kind than the configuration says. The error and
// the log say which words to use.
func TestWrongKindNamesTheWords(t *testing.T) {
	t.Parallel()
	sentinel, cluster := redistest.StartSentinel(t), redistest.StartNode(t)
	plain, limited := redistest.Start(t), redistest.Start(t)
	limited.Do(t, "ACL", "SETUSER", "default", "-role")
	at := func(addresses ...string) redis.Config {
		c := config("")
		c.Addresses = addresses
		return c
	}
	through := func(master string, addresses ...string) redis.Config {
		c := at(addresses...)
		c.Sentinel = &redis.Sentinel{Master: master, Username: sentinel.Username, Password: sentinel.Password}
		return c
	}
	anonymous := func(address string) redis.Config {
		c := through("itsme-primary", address)
		c.Sentinel.Username, c.Sentinel.Password = "", ""
		return c
	}
	watcher := at(sentinel.Addresses()...)
	watcher.Username, watcher.Password = sentinel.Username, sentinel.Password
	one := watcher
	one.Addresses = watcher.Addresses[:1]
	numbered := at(cluster.Address)
	numbered.Database = 1

	for name, tt := range map[string]struct {
		c     redis.Config
		words string
	}{
		"a Sentinel as a server":                  {one, "add sentinel <master name>"},
		"Sentinels as nodes of a Cluster":         {watcher, "add sentinel <master name>"},
		"a server as a Sentinel":                  {anonymous(plain.Address), "leave sentinel out, or name the Sentinels"},
		"a node of a Cluster as a Sentinel":       {anonymous(cluster.Address), "leave sentinel out, or name the Sentinels"},
		"a master that the Sentinels do not know": {through("mymaster", sentinel.Addresses()...), "SENTINEL MASTERS lists the names"},
		"a primary and its replica":               {at(sentinel.Servers[0].Address, sentinel.Servers[1].Address), "name the primary alone, or the Sentinels with sentinel <master name>"},
		"Sentinels that want a password":          {anonymous(sentinel.Sentinels[0].Address), "the block of sentinel needs user and password of the Sentinels"},
		"a replica":                               {at(sentinel.Servers[1].Address), "point the address at the primary, or use sentinel <master name>"},
		"a database of a Cluster":                 {numbered, "leave database out"},
		"a user that may not ask for the role":    {at(limited.Address), "the ACL user needs +role"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := newLogCapture()
			tt.c.Logger = log.logger()
			st := open(t, tt.c)
			_, err := st.Mark(t.Context())
			if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("Mark: %v, want %q", err, tt.words)
			}
			log.await(t, tt.words)
			if text := log.String() + err.Error(); strings.Contains(text, sentinel.Password) {
				t.Errorf("the password is in:\n%s", text)
			}
		})
	}
}
