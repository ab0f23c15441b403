package caddymodule

import (
	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/block"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// RedisSentinel says which primary to ask the Sentinels for. After a failover the gateway finds the new
// one by itself.
type RedisSentinel struct {
	// Master is the name that the Sentinels have for the primary. Required.
	Master string `json:"master,omitempty"`

	// User is a user of the Sentinels. Default: the Sentinels' default user.
	User string `json:"user,omitempty"`

	// Password is that user's. The password of the servers is never sent to a Sentinel. Default: none.
	Password string `json:"password,omitempty"`
}

func (r *RedisSentinel) config(e *expander) *redis.Sentinel {
	if r == nil {
		return nil
	}
	return &redis.Sentinel{
		Master:   e.text("store redis sentinel", r.Master),
		Username: e.text("store redis sentinel user", r.User),
		Password: e.text(redisSentinelPassword, r.Password),
	}
}

func (r *RedisSentinel) rows() []block.Subdirective {
	return []block.Subdirective{
		{Name: "user", Example: "user itsme", Read: block.Text(&r.User)},
		{Name: "password", Example: "password {env.SENTINEL_PASSWORD}", Read: block.Text(&r.Password)},
	}
}

// readSentinel reads a master's name, and a block if there is one.
func (s *RedisStore) readSentinel(a block.Arguments) error {
	args, err := a.Take(1, "the name of a master")
	if err != nil {
		return err
	}
	s.Sentinel = &RedisSentinel{Master: args[0]}
	return a.Block(s.Sentinel.rows())
}
