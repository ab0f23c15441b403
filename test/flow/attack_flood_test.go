package flow_test

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// heap returns the bytes in use after a collection.
func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// address returns the IPv4 address of a client by its number.
func address(i int) netip.Addr {
	var raw [4]byte
	binary.BigEndian.PutUint32(raw[:], 0x0A000000+uint32(i))
	return netip.AddrFrom4(raw)
}

// floodRecord returns a pending login as the gateway keeps it.
func floodRecord(i int, client string) *store.Record {
	now := time.Now()
	return &store.Record{
		ID: fmt.Sprintf("%043d", i), Kind: store.App, Client: client,
		RedirectURL:             "https://app.example.be/itsme/app/callback",
		AuthorizationRequestURL: floodLink,
		TokenRequestURL:         "https://api.signicat.com/idps/oidc-vendor/itsme/login-headless/token",
		SignicatID:              "db415388-c978-4027-84a6-021bd743ef0b",
		TransactionID:           "8aa41ada-3cd0-874b-9acd-bd0a5f7e033f",
		AccountID:               "a-spge-0123456789abcdefghij",
		Challenge:               strings.Repeat("c", 43),
		CreatedAt:               now, ExpiresAt: now.Add(time.Hour),
	}
}

var floodLink = "https://idp.prd.itsme.services/v2/authorization?x=" + strings.Repeat("x", 700)

// TestStartFloodKeepsTheStoreBounded has an attacker with 400 addresses start 200,000 logins within a minute. Most
// starts are over the limit of their address. The store keeps the others within its bound, and evicts logins of the
// attacker: users who started before and during the flood keep their logins. Without that the attacker fills the
// memory or ends every login.
func TestStartFloodKeepsTheStoreBounded(t *testing.T) {
	const starts, addresses, bound = 200_000, 400, 4_000
	now := time.Now() // stands still, so that the limits are the same on a slow machine
	memory := store.NewMemory(func() time.Time { return now })
	defer func() { _ = memory.Close() }()
	bounds := store.Bounds{Total: bound, PerClient: gateway.DefaultPendingPerClient}
	start := func(i int, client string) (started bool) {
		wait, err := memory.Allow(t.Context(), store.Quota{Owner: client, Name: "start", Limit: gateway.DefaultSessionsPerClient, Window: gateway.DefaultSessionsWindow})
		if err == nil && wait == 0 {
			_, err = memory.Create(t.Context(), floodRecord(i, client), bounds)
		}
		if err != nil {
			t.Fatalf("start %d: %v", i, err)
		}
		return wait == 0
	}
	empty := heap()
	start(starts, "192.0.2.1")
	var started int
	var full uint64
	for i := range starts {
		if start(i, address(i%addresses).String()) {
			started++
		}
		if started == bound && full == 0 {
			full = heap() - empty
		}
	}
	if !start(starts+1, "192.0.2.2") {
		t.Error("a user's start is refused")
	}
	if late := heap() - empty; late > 2*full {
		t.Errorf("memory grew from %d to %d KiB", full>>10, late>>10)
	}
	if n, err := memory.Len(t.Context()); err != nil || n != bound || started != addresses*gateway.DefaultSessionsPerClient {
		t.Errorf("%d logins are pending of %d that were started, %v", n, started, err)
	}
	for _, i := range []int{starts, starts + 1} {
		if _, err := memory.Load(t.Context(), floodRecord(i, "").ID); err != nil {
			t.Errorf("the login of a user: %v", err)
		}
	}
}

// TestFloodOfStartsLeavesRoomForOthers has an attacker with 2,000 addresses start logins at a gateway and the simulator
// behind it. A user logs in afterwards.
func TestFloodOfStartsLeavesRoomForOthers(t *testing.T) {
	const starts, bound = 2_000, 200
	e := newEnv(t, func(c *gateway.Config, s *signicattest.Config) { c.Limit.Pending, s.MaxSessions = bound, bound })
	flood := func(from, to int) uint64 {
		t.Helper()
		for i := from; i < to; i++ {
			if answer := e.newApp().from(address(i).String()).start(); answer.Code != http.StatusCreated {
				t.Fatalf("start %d: %d", i, answer.Code)
			}
		}
		e.Signicat.Reset() // forgets the calls that it recorded
		return heap()
	}
	full := flood(0, 2*bound)
	if late := flood(2*bound, starts); late > full+full/4 {
		t.Errorf("memory grew from %d to %d KiB", full>>10, late>>10)
	}
	if n, err := e.Config.Store.Len(t.Context()); err != nil || n != bound {
		t.Errorf("%d logins are pending, %v", n, err)
	}
	if answer := e.approvedApp(t).redeem(); answer.Code != http.StatusOK {
		t.Errorf("a login from elsewhere: %d", answer.Code)
	}
}
