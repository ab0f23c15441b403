//go:build measure

package waiting_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"text/tabwriter"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/caddy-itsme/caddy-itsme/bench/waiting"
)

var (
	sessions = flag.Int("sessions", 100_000, "pending sessions that expire")
	rounds   = flag.Int("rounds", 10, "rounds")
)

const (
	// Enough requests to meet every lock that is held for long, and few enough not to wait for each other.
	requestsPerSecond = 4000
	connections       = 16
	// phaseTime is longer than sweepInterval and a sweep.
	phaseTime = 2 * time.Second
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"measured-gateway": serveGateway, "measured-caddy": caddycmd.Main})
}

// TestMeasurePending sends requests to a gateway, with and without a token, while all of its pending sessions expire at
// once, and while all of them are forgotten at once.
func TestMeasurePending(t *testing.T) {
	p := startServed(t)
	var quiet, expiring, forgotten, empty waiting.Latencies
	var swept time.Duration
	before, beforeHeap := p.resident(t), p.do(t, "fill 0").Heap
	var each, eachHeap int64
	for round := range *rounds {
		full := p.do(t, fmt.Sprintf("fill %d", *sessions))
		if round == 0 {
			each, eachHeap = (p.resident(t)-before)/int64(*sessions), (full.Heap-beforeHeap)/int64(*sessions)
		}
		none := p.load(t, &quiet, func() {})
		all := p.load(t, &expiring, func() { swept = max(swept, p.do(t, "expire 21").SweptIn) })
		p.load(t, &forgotten, func() { p.do(t, "pass 6") })
		p.load(t, &empty, func() {})
		fmt.Printf("BenchmarkExpiring 1 %.3f p99.9-ratio\n", all.Quantile(0.999).Seconds()/none.Quantile(0.999).Seconds())
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "pending sessions\t%d, %d rounds\n", *sessions, *rounds)
	fmt.Fprintf(table, "memory of one\t%d B resident, %d B of live heap\n", each, eachHeap)
	fmt.Fprintf(table, "requests\t%d in each of the rows below, %d a second\n", quiet.Len(), requestsPerSecond)
	fmt.Fprintf(table, "while nothing expires\t%s\n", &quiet)
	fmt.Fprintf(table, "while all expire\t%s\n", &expiring)
	fmt.Fprintf(table, "while all are forgotten\t%s\n", &forgotten)
	fmt.Fprintf(table, "while there are none\t%s\n", &empty)
	fmt.Fprintf(table, "the sweep that expires all\tup to %s\n", swept.Round(time.Millisecond))
	_ = table.Flush()
}

// process is a gateway that is measured.
type process struct {
	*exec.Cmd
	measured
	in  io.Writer
	out *bufio.Reader
}

func startServed(t *testing.T) *process {
	t.Helper()
	p := &process{Cmd: exec.Command("measured-gateway")}
	p.Stderr = os.Stderr
	in, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewReader(out)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = p.Wait()
	})
	p.measured = p.answer(t)
	return p
}

// do runs a command in the process.
func (p *process) do(t *testing.T, command string) measured {
	t.Helper()
	if _, err := fmt.Fprintln(p.in, command); err != nil {
		t.Fatal(err)
	}
	return p.answer(t)
}

func (p *process) answer(t *testing.T) (answer measured) {
	t.Helper()
	line, err := p.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &answer)
	}
	if err != nil {
		t.Fatalf("the gateway's process: %v", err)
	}
	return answer
}

func (p *process) resident(t *testing.T) int64 {
	t.Helper()
	n, err := waiting.Resident(p.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// load sends requests for phaseTime, half of them for the status of a login and half with a token, and calls meanwhile.
// It returns their latencies, and adds them to all.
func (p *process) load(t *testing.T, all *waiting.Latencies, meanwhile func()) *waiting.Latencies {
	t.Helper()
	into := new(waiting.Latencies)
	clients := make([]*waiting.Client, connections)
	for i := range clients {
		c, err := waiting.Dial(t.Context(), p.Address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		clients[i] = c
	}
	ctx, cancel := context.WithTimeout(t.Context(), phaseTime)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- waiting.Steadily(ctx, connections, connections*time.Second/requestsPerSecond, into, func(i int) error { return p.ask(clients[i], i%2 == 0) })
	}()
	meanwhile()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	all.Append(into)
	return into
}

func (p *process) ask(c *waiting.Client, status bool) error {
	path, header, want := "/api", "Authorization: Bearer "+p.Token+"\r\n", 204
	if status {
		path, header, want = "/itsme/sessions/"+p.Session, "", 200
	}
	got, answer, err := c.Do("GET", path, header, "")
	if err == nil && got != want {
		err = fmt.Errorf("%s: %d %s", path, got, answer)
	}
	return err
}
