package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// measureMemory fills a gateway with tokens, and a store with pending sessions.
func measureMemory(ctx context.Context, l *lab) ([]row, error) {
	p, err := l.itsme(ctx, token.EdDSA, "127.0.0.1:1")
	if err != nil {
		return nil, err
	}
	few, err := p.heapOf(ctx, many)
	if err != nil {
		return nil, err
	}
	lot, err := p.heapOf(ctx, 10*many)
	if err != nil {
		return nil, err
	}
	record, err := heapOfRecords(ctx, 10*many)
	if err != nil {
		return nil, err
	}
	return []row{
		{what: "live heap of 10,000 verified tokens and what was minted of them, each", unit: "bytes", sample: []float64{few / many}, goal: 2048},
		{what: "live heap of 100,000 more verified tokens, together", unit: "MiB", sample: []float64{lot / (1 << 20)}, goal: 100},
		{what: "100,000 pending sessions in memory, each", unit: "bytes", sample: []float64{record / (10 * many)}, goal: 1229},
	}, nil
}

// heapOf returns the bytes by which the live heap grows when the gateway sees n more tokens.
func (p *protected) heapOf(ctx context.Context, n int) (bytes float64, err error) {
	l, err := dial(p.addr)
	if err != nil {
		return 0, err
	}
	defer l.close()
	tokens, err := p.sign(n)
	if err != nil {
		return 0, err
	}
	// Open the connections before, because Caddy allocates memory for them.
	if err := l.run([][]byte{get(p.addr, tokens[0])}, 10*connections, expected{200, identified}); err != nil {
		return 0, err
	}
	before, err := p.heap(ctx)
	if err != nil {
		return 0, err
	}
	if err := l.run(requests(p.addr, tokens), n, expected{200, identified}); err != nil {
		return 0, err
	}
	after, err := p.heap(ctx)
	return after - before, err
}

// heap returns the live heap after a collection, from Caddy's admin endpoint.
func (p *protected) heap(ctx context.Context) (bytes float64, err error) {
	for range 2 { // the second frees the content of pools
		if err := p.ask(ctx, "/debug/pprof/heap?gc=1", func(r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		}); err != nil {
			return 0, err
		}
	}
	var vars struct {
		Memory runtime.MemStats `json:"memstats"`
	}
	err = p.ask(ctx, "/debug/vars", func(r io.Reader) error { return json.NewDecoder(r).Decode(&vars) })
	return float64(vars.Memory.HeapAlloc), err
}

func (p *protected) ask(ctx context.Context, path string, read func(io.Reader) error) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.admin+path, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	return read(response.Body)
}

// heapOfRecords returns the live heap of n pending sessions in a store of this process.
func heapOfRecords(ctx context.Context, n int) (bytes float64, err error) {
	before := live()
	memory := store.NewMemory(time.Now)
	defer func() { _ = memory.Close() }()
	now := time.Now()
	for i := range n {
		record := pendingRecord(i, now)
		if _, err := memory.Create(ctx, record, store.Bounds{Total: n, PerClient: 1}); err != nil {
			return 0, fmt.Errorf("creating pending session: %w", err)
		}
	}
	return float64(live()) - float64(before), nil
}

// pendingRecord returns a record with texts of the length of an itsme login with seven attributes.
func pendingRecord(i int, now time.Time) *store.Record {
	id := fmt.Sprintf("%043d", i)
	return &store.Record{
		ID: id, Kind: store.App, Client: fmt.Sprintf("10.%d.%d.%d", byte(i>>16), byte(i>>8), byte(i)),
		RedirectURL: "https://app.example.be/itsme/app/callback",
		AuthorizationRequestURL: "https://idp.e2e.itsme.services/v2/authorization?ui_locales=nl&scope=openid+service%3AEXAMPLE_DEV&claims=" +
			strings.Repeat("%22a_claim_of_the_person%22%3Anull%2C", 12) +
			"&response_type=code&redirect_uri=https%3A%2F%2Fapp.example.be%2Fitsme%2Fapp%2Fcallback&state=" + id + "&nonce=" + id + "&client_id=AbCdEf",
		TokenRequestURL: "https://api.signicat.com/idps/oidc-vendor/itsme/login-headless/token",
		SignicatID:      fmt.Sprintf("%036d", i), TransactionID: fmt.Sprintf("%036d", i), AccountID: "a-sdge-AbCdEfGhIjKlMnOpQrSt",
		Challenge: id, Language: "nl", LoA: "substantial", CreatedAt: now, ExpiresAt: now.Add(20 * time.Minute),
	}
}

func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
