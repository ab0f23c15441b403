package caddymodule

import (
	"errors"
	"fmt"
	"testing"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/filestorage"
)

// provision does what Caddy does before Start, with storage in a folder. It does not run in
// parallel: Caddy notes the storage of the latest configuration in a global.
func provision(t *testing.T, storage, algorithm string) *App {
	t.Helper()
	var config caddy.Config
	err := caddy.StrictUnmarshalJSON(fmt.Appendf(nil, `{
		"storage": {"module": "file_system", "root": %q},
		"apps": {"itsme": {"gateways": {"default": {
			"public_url": "https://app.example.be", "attributes": ["name"],
			"signicat": {"client_id": "x", "client_secret": "y"}, "token": {"algorithm": %q}
		}}}}
	}`, storage, algorithm), &config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := caddy.ProvisionContext(&config)
	if err != nil {
		t.Fatal(err)
	}
	module, err := ctx.App("itsme")
	if err != nil {
		t.Fatal(err)
	}
	app := module.(*App)
	t.Cleanup(func() {
		if err := errors.Join(app.Cleanup(), app.instances["default"].store.(*MemoryStore).Cleanup()); err != nil {
			t.Error(err)
		}
	})
	return app
}

// TestReloadKnowsTheKeysBeforeStart takes the time between a new configuration's first request
// and its Start, in which its storage may be slow.
func TestReloadKnowsTheKeysBeforeStart(t *testing.T) {
	storage := t.TempDir()
	first := provision(t, storage, "ES256")
	if first.instances["default"].inForce.KeySet() != nil {
		t.Error("there are keys before the first Start")
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	keys := first.instances["default"].inForce.KeySet()
	if got := provision(t, storage, "ES256").instances["default"].inForce.KeySet(); got != keys {
		t.Errorf("a reload does not know the keys: %v", got)
	}
	if got := provision(t, storage, "EdDSA").instances["default"].inForce.KeySet(); got != keys {
		t.Errorf("a reload that changes the algorithm does not know the keys: %v", got)
	}
}
