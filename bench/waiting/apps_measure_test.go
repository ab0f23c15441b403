//go:build measure

package waiting_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/caddy-itsme/caddy-itsme/bench/waiting"
)

var (
	apps     = flag.Int("apps", 10_000, "waiting apps, each with a session and a connection of its own")
	during   = flag.Duration("during", 30*time.Second, "duration of the measurement")
	longPoll = flag.Duration("longpoll", 0, "wait of each poll; 0: none, and each app polls every second")
	redis    = flag.String("redis", "", "host:port of a Redis for the store; empty: store memory")
)

const (
	askEvery   = time.Second
	loginEvery = 200 * time.Millisecond // of the apps that finish meanwhile
	settling   = 3 * time.Second        // before the measurement
)

// app waits for a login.
type app struct {
	*waiting.Client
	verifier, id, link string
}

// TestMeasureWaiting lets many apps poll the status of their logins at a Caddy, and prints the cost for Caddy. The
// simulator and the apps are in another process. Meanwhile other apps log in.
func TestMeasureWaiting(t *testing.T) {
	c := startCaddy(t)
	waiters := c.startApps(t, *apps)
	var idle, busy, polls waiting.Latencies
	c.logIn(t, &idle, *during/6)
	ctx, cancel := context.WithTimeout(t.Context(), settling+*during)
	defer cancel()
	var all sync.WaitGroup
	all.Go(func() {
		if err := waiting.Steadily(ctx, len(waiters), max(askEvery, *longPoll), &polls, func(i int) error { return waiters[i].ask() }); err != nil {
			t.Error(err)
		}
	})
	<-time.After(settling)
	before := c.sample(t, &polls)
	c.logIn(t, &busy, *during)
	after := c.sample(t, &polls)
	cancel()
	all.Wait()
	printCost(c, before, after, &polls, &idle, &busy)
}

// printCost writes the table of docs/capacity.md.
func printCost(c *caddy, before, after sample, polls, idle, busy *waiting.Latencies) {
	took := after.at.Sub(before.at).Seconds()
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintf(table, "apps that wait\t%d, for %.0f s\n", *apps, took)
	fmt.Fprintf(table, "processor\t%.2f cores\n", (after.cpu-before.cpu).Seconds()/took)
	fmt.Fprintf(table, "memory\t%d MiB, %d goroutines\n", after.resident>>20, after.goroutines)
	fmt.Fprintf(table, "polls answered\t%.0f a second: %s\n", float64(after.polls-before.polls)/took, polls)
	reads, all := c.reads(before.at, after.at), 0
	for _, n := range reads {
		all += n
	}
	most := slices.Max(append(slices.Collect(maps.Values(reads)), 0))
	fmt.Fprintf(table, "reads of Signicat\t%.1f a second, of %d sessions; none was read more than %d times\n", float64(all)/took, len(reads), most)
	fmt.Fprintf(table, "finish, no other client waits\t%s\n", idle)
	fmt.Fprintf(table, "finish meanwhile\t%s\n", busy)
	fmt.Printf("BenchmarkWaiting 1 %.3f cores %.2f reads/s %d reads/session %.3f longer-ms\n", (after.cpu-before.cpu).Seconds()/took,
		float64(all)/took, most, (busy.Quantile(0.5)-idle.Quantile(0.5)).Seconds()*1e3)
}

// startApps starts a login for each app.
func (c *caddy) startApps(t *testing.T, n int) []*app {
	t.Helper()
	all := make([]*app, n)
	var starting errgroup.Group
	starting.SetLimit(16)
	for i := range all {
		starting.Go(func() (err error) {
			if all[i], err = c.start(t.Context(), "app"+strconv.Itoa(i)); err == nil {
				t.Cleanup(func() { _ = all[i].Close() })
			}
			return err
		})
	}
	if err := starting.Wait(); err != nil {
		t.Fatal(err)
	}
	return all
}

// start starts a login over a new connection.
func (c *caddy) start(ctx context.Context, name string) (*app, error) {
	connection, err := waiting.Dial(ctx, c.address)
	if err != nil {
		return nil, err
	}
	secret := sha256.Sum256([]byte(name))
	a := &app{Client: connection, verifier: base64.RawURLEncoding.EncodeToString(secret[:])}
	challenge := sha256.Sum256([]byte(a.verifier))
	var started struct {
		ID   string `json:"session_id"`
		Link string `json:"authorization_request_url"`
	}
	err = a.call(http.MethodPost, "/itsme/sessions", "Content-Type: application/json\r\n",
		fmt.Sprintf(`{"code_challenge":%q}`, base64.RawURLEncoding.EncodeToString(challenge[:])), http.StatusCreated, &started)
	a.id, a.link = started.ID, started.Link
	return a, err
}

func (a *app) call(method, path, header, body string, want int, into any) error {
	status, answer, err := a.Do(method, path, header, body)
	if err != nil {
		return err
	}
	if status != want {
		return fmt.Errorf("%s: %d %s", path, status, answer)
	}
	return json.Unmarshal(answer, into)
}

// ask polls the status of the login.
func (a *app) ask() error {
	path := "/itsme/sessions/" + a.id
	if *longPoll > 0 {
		path += "?wait=" + longPoll.String()
	}
	var answer struct{ Status string }
	if err := a.call(http.MethodGet, path, "", "", http.StatusOK, &answer); err != nil {
		return err
	}
	if answer.Status != "pending" {
		return fmt.Errorf("the login is %s", answer.Status)
	}
	return nil
}

// logIn logs apps in for a while, and records how long the answer to the code takes.
func (c *caddy) logIn(t *testing.T, into *waiting.Latencies, during time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	tick := time.NewTicker(loginEvery)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		took, err := c.finish(t.Context(), fmt.Sprintf("app %d of %s", n, during))
		if err != nil {
			t.Fatal(err)
		}
		into.Add(took)
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// finish does a whole login. It returns the time of the answer to the code.
func (c *caddy) finish(ctx context.Context, name string) (time.Duration, error) {
	a, err := c.start(ctx, name)
	if err != nil {
		return 0, err
	}
	defer a.Close()
	back, err := c.signicat.Approve(a.link, "adult")
	if err != nil {
		return 0, err
	}
	session, err := c.signicat.Session(a.link)
	if err != nil {
		return 0, err
	}
	c.finished[session.ID] = true
	u, err := url.Parse(back)
	if err != nil {
		return 0, err
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")}, "state": {u.Query().Get("state")}, "code_verifier": {a.verifier},
	}
	began := time.Now()
	var issued struct{ AccessToken string }
	err = a.call(http.MethodPost, "/itsme/token", "Content-Type: application/x-www-form-urlencoded\r\n", form.Encode(), http.StatusOK, &issued)
	return time.Since(began), err
}
