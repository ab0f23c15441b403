package attack_test

import (
	"crypto/rand"
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

// heap is what is in use after a collection.
func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// address is one of so many that a botnet has.
func address(i int) netip.Addr {
	var raw [4]byte
	binary.BigEndian.PutUint32(raw[:], 0x0A000000+uint32(i))
	return netip.AddrFrom4(raw)
}

// floodRecord is a login as the gateway keeps it. Each number is another one.
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

// TestMillionStartsKeepTheStoreBounded has 2,000 addresses start a million logins, as fast as they
// can. Most are over the limit of their address. What is held of the others stays within the bound,
// and they evict their own: somebody who started before keeps their login, somebody who starts
// during it gets one.
func TestMillionStartsKeepTheStoreBounded(t *testing.T) {
	const starts, addresses, bound = 1_000_000, 2_000, 20_000
	memory := store.NewMemory(time.Now)
	defer func() { _ = memory.Close() }()
	bounds := store.Bounds{Total: bound, PerClient: gateway.DefaultPendingPerClient}
	start := func(i int, client string) (started bool) {
		wait, err := memory.Allow(t.Context(), "start:"+client, gateway.DefaultSessionsPerClient, gateway.DefaultSessionsWindow)
		if err == nil && wait == 0 {
			_, err = memory.Create(t.Context(), floodRecord(i, client), bounds)
		}
		if err != nil {
			t.Fatalf("start %d: %v", i, err)
		}
		return wait == 0
	}
	start(starts, "192.0.2.1")
	var started int
	var full uint64
	for i := range starts {
		if start(i, address(i%addresses).String()) {
			started++
		}
		if started == bound && full == 0 {
			full = heap()
		}
	}
	if !start(starts+1, "192.0.2.2") {
		t.Error("somebody else is refused")
	}
	if late := heap(); late > 2*full {
		t.Errorf("memory grew from %d to %d KiB", full>>10, late>>10)
	}
	if n, err := memory.Len(t.Context()); err != nil || n != bound || started < 5*bound || started > starts/4 {
		t.Errorf("%d logins are pending of %d that were started, %v", n, started, err)
	}
	for _, i := range []int{starts, starts + 1} {
		if _, err := memory.Load(t.Context(), floodRecord(i, "").ID); err != nil {
			t.Errorf("the login of somebody else: %v", err)
		}
	}
}

// TestFloodOfStartsLeavesRoomForOthers floods a gateway that has a Signicat behind it, from 5,000
// addresses, and has somebody else log in then.
func TestFloodOfStartsLeavesRoomForOthers(t *testing.T) {
	const starts, bound = 5_000, 500
	b := openBubble(t, func(c *gateway.Config, s *signicattest.Config) { c.Limit.Pending, s.MaxSessions = bound, bound })
	flood := func(from, to int) uint64 {
		t.Helper()
		for i := from; i < to; i++ {
			if answer := b.begin(address(i), rand.Text()+rand.Text()); answer.Code != http.StatusCreated {
				t.Fatalf("start %d: %d", i, answer.Code)
			}
		}
		b.Signicat.Reset() // the calls that it has recorded
		return heap()
	}
	full := flood(0, 2*bound)
	if late := flood(2*bound, starts); late > 2*full {
		t.Errorf("memory grew from %d to %d KiB", full>>10, late>>10)
	}
	if n, err := b.Config.Store.Len(t.Context()); err != nil || n != bound {
		t.Errorf("%d logins are pending, %v", n, err)
	}
	login := b.start(t)
	if answer := b.redeem(login, b.approve(t, login)); answer.Code != http.StatusOK {
		t.Errorf("a login from elsewhere: %d", answer.Code)
	}
}
