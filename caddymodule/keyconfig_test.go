package caddymodule

import (
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

const day = 24 * time.Hour

func TestRotationOutlivesTokens(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		gateway        Gateway
		every, longest time.Duration
	}{
		{"by default", Gateway{}, DefaultRotate, 8 * time.Hour},
		{"with a short cookie", Gateway{Cookie: Cookie{Lifetime: caddy.Duration(time.Minute)}}, DefaultRotate, 15 * time.Minute},
		{"with a cookie of 30 days", Gateway{Cookie: Cookie{Lifetime: caddy.Duration(30 * day)}}, 30*day + 37*time.Minute, 30 * day},
		{"as configured", Gateway{Token: Token{Rotate: caddy.Duration(7 * day)}}, 7 * day, 8 * time.Hour},
		{"in whole seconds", Gateway{Token: Token{Rotate: caddy.Duration(7*day + time.Millisecond)}}, 7 * day, 8 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config, err := tt.gateway.keys(&expander{replacer: caddy.NewReplacer()})
			if err != nil {
				t.Fatal(err)
			}
			if config.rotation.Every != tt.every || config.rotation.Longest != tt.longest {
				t.Errorf("a key signs for %v, and tokens live for %v at most", config.rotation.Every, config.rotation.Longest)
			}
		})
	}
}
