package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/token"
)

const (
	// loginBatches and loginsPerBatch give the number of logins for the CPU time of one.
	loginBatches, loginsPerBatch = 30, 20
	// firstLogins is the number of logins that do not count: the process grows its heap and opens its connections.
	firstLogins = 600
	// slowLogins is the number of logins at a Signicat whose answers take roundTrip.
	slowLogins = 20
	roundTrip  = 50 * time.Millisecond
)

// apps log in at a gateway, with users who approve.
type apps struct {
	gateway    *protected
	management string // of the simulator
	client     *http.Client
}

// measureLogins plays logins of apps.
func measureLogins(ctx context.Context, l *lab) ([]row, error) {
	a, err := l.apps(ctx)
	if err != nil {
		return nil, err
	}
	for range firstLogins {
		if _, err := a.login(ctx); err != nil {
			return nil, err
		}
	}
	cpu, calls, err := a.batches(ctx)
	if err != nil {
		return nil, err
	}
	added, err := a.slow(ctx)
	if err != nil {
		return nil, err
	}
	rows := []row{
		{what: "a login, the gateway's CPU from start to token, ES256", unit: "ms", sample: cpu, goal: 1},
		{what: "latency of a login beyond its Signicat round trips of 50 ms", unit: "ms", sample: added, goal: 5},
	}
	for _, operation := range []string{"create_session", "validate_code", "read_session"} {
		rows = append(rows, row{what: "Signicat calls of a login: " + operation, unit: "calls", sample: []float64{calls[operation]}})
	}
	return rows, nil
}

// apps starts a simulator, in a process of its own, and a gateway with more options.
func (l *lab) apps(ctx context.Context, more ...string) (*apps, error) {
	signicat, err := freeAddr()
	if err != nil {
		return nil, err
	}
	management, err := freeAddr()
	if err != nil {
		return nil, err
	}
	p, err := l.itsme(ctx, token.ES256, signicat, more...)
	if err != nil {
		return nil, err
	}
	_, err = l.keep(startServer(ctx, management, l.dir, l.path("signicat-sim"),
		"-listen", signicat, "-management", management, "-client-id", client, "-client-secret", client,
		"-allow-loopback-http", "-redirect-url", "http://"+p.addr+gateway.DefaultPath+"/app/callback",
		"-redirect-url", "http://"+p.addr+gateway.DefaultPath+"/callback"))
	if err != nil {
		return nil, err
	}
	return &apps{p, "http://" + management, &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// batches returns the CPU time of a login in milliseconds, one for each batch, and the calls of one.
func (a *apps) batches(ctx context.Context) (cpu []float64, calls map[string]float64, err error) {
	before, err := a.counts(ctx)
	if err != nil {
		return nil, nil, err
	}
	for range loginBatches {
		spent, err := a.gateway.cpu(func() error {
			for range loginsPerBatch {
				if _, err := a.login(ctx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
		cpu = append(cpu, float64(spent)/loginsPerBatch/float64(time.Millisecond))
	}
	after, err := a.counts(ctx)
	calls = make(map[string]float64)
	for operation := range after {
		calls[operation] = float64(after[operation]-before[operation]) / (loginBatches * loginsPerBatch)
	}
	return cpu, calls, err
}

// slow returns the milliseconds that each login at a slow Signicat took beyond Signicat.
func (a *apps) slow(ctx context.Context) (added []float64, err error) {
	var faults []map[string]any
	for _, operation := range []string{"create_session", "validate_code", "read_session"} {
		faults = append(faults, map[string]any{"operation": operation, "delay_ms": roundTrip.Milliseconds(), "times": 50 * slowLogins})
	}
	if err := a.send(ctx, http.MethodPost, a.management+"/faults", "application/json", faults, http.StatusNoContent, nil); err != nil {
		return nil, err
	}
	for range slowLogins {
		before, err := a.counts(ctx)
		if err != nil {
			return nil, err
		}
		waited, err := a.login(ctx)
		if err != nil {
			return nil, err
		}
		after, err := a.counts(ctx)
		if err != nil {
			return nil, err
		}
		for operation := range after {
			waited -= time.Duration(after[operation]-before[operation]) * roundTrip
		}
		added = append(added, float64(waited)/float64(time.Millisecond))
	}
	return added, nil
}

func (a *apps) counts(ctx context.Context) (counts map[string]int, err error) {
	err = a.send(ctx, http.MethodGet, a.management+"/counts", "", nil, http.StatusOK, &counts)
	return counts, err
}

// login does one login. It returns the time that the app waited for the gateway, without that of the user.
func (a *apps) login(ctx context.Context) (waited time.Duration, err error) {
	began := time.Now()
	started, verifier, err := a.startApp(ctx)
	if err != nil {
		return 0, err
	}
	waited = time.Since(began)
	back, err := a.approve(ctx, started.URL)
	if err != nil {
		return 0, err
	}
	began = time.Now()
	_, err = a.redeem(ctx, back, verifier)
	return waited + time.Since(began), err
}

// approve approves as the user, and returns the parameters of the redirect URL.
func (a *apps) approve(ctx context.Context, link string) (url.Values, error) {
	form := url.Values{"decision": {"approve"}, "persona": {"adult"}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, link, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	back, err := response.Location()
	if err != nil {
		return nil, fmt.Errorf("approving: %w", err)
	}
	return back.Query(), nil
}

// own posts to an endpoint of the gateway.
func (a *apps) own(ctx context.Context, path, mediaType string, body any, want int, answer any) error {
	return a.send(ctx, http.MethodPost, "http://"+a.gateway.addr+gateway.DefaultPath+path, mediaType, body, want, answer)
}

// send posts a form or JSON, and reads JSON unless answer is nil.
func (a *apps) send(ctx context.Context, method, target, mediaType string, body any, want int, answer any) error {
	text, err := json.Marshal(body)
	if form, ok := body.(url.Values); ok {
		text = []byte(form.Encode())
	}
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", mediaType)
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != want {
		return fmt.Errorf("%w: %s %s: %d, want %d", errAnswer, method, request.URL.Path, response.StatusCode, want)
	}
	if answer == nil {
		answer = new(json.RawMessage)
		if want == http.StatusNoContent {
			return nil
		}
	}
	return json.NewDecoder(response.Body).Decode(answer)
}
