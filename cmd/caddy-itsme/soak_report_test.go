//go:build soak

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
)

// size is the memory and the goroutines of a replica.
type size struct {
	rssKiB, goroutines int
	heap               int64 // live, after a collection
	profile            []byte
}

var (
	rss   = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)
	total = regexp.MustCompile(`total (\d+)`)
)

func (s *soak) sizes(t *testing.T) (sizes []size) {
	s.toReplicas.CloseIdleConnections()
	for _, r := range s.replicas {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.process.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		admin := "http://" + r.admin
		for range 2 { // what a pool holds goes with the second
			ask(t, admin+"/debug/pprof/heap?gc=1")
		}
		var vars struct {
			Memory runtime.MemStats `json:"memstats"`
		}
		if err := json.Unmarshal(ask(t, admin+"/debug/vars"), &vars); err != nil {
			t.Fatal(err)
		}
		profile := ask(t, admin+"/debug/pprof/goroutine?debug=1") // last, when closed connections have ended
		sizes = append(sizes, size{number(rss, status), number(total, profile), int64(vars.Memory.HeapAlloc), profile})
	}
	return sizes
}

func ask(t *testing.T, url string) []byte {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v", url, answer.StatusCode, err)
	}
	return text
}

func number(pattern *regexp.Regexp, text []byte) int {
	found := pattern.FindSubmatch(text)
	if found == nil {
		return -1
	}
	n, _ := strconv.Atoi(string(found[1]))
	return n
}

func (s *soak) table(before, after []size) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(what string, value any) { fmt.Fprintf(w, "%s\t%v\n", what, value) }
	row("time", *soakTime)
	row("faults scripted", s.faults.Load())
	row("logins started", s.started.Load())
	row("logins finished", s.finished.Load())
	var reasons []string
	for why, n := range s.refused {
		reasons = append(reasons, fmt.Sprintf("logins refused, %s\t%d", why, n))
	}
	slices.Sort(reasons)
	for _, reason := range reasons {
		fmt.Fprintln(w, reason)
	}
	row("requests", s.requests.Load())
	row("refreshes", s.refreshes.made.Load())
	row("refreshes whose answer was lost", s.refreshes.lost.Load())
	row("of these repeated after more than 30 s", s.refreshes.late.Load())
	row("stolen refresh tokens found", s.refreshes.thefts.Load())
	row("restarts of replica 3", s.restarts.Load())
	row("keys that signed", len(s.signedBy))
	row("wrongly refused", s.wronglyRefused.Load())
	row("wrongly admitted", s.wronglyAdmitted.Load())
	for i := range before {
		row(fmt.Sprintf("replica %d, memory at start and end", i+1), fmt.Sprintf("%d KiB, %d KiB", before[i].rssKiB, after[i].rssKiB))
		row(fmt.Sprintf("replica %d, live heap at start and end", i+1), fmt.Sprintf("%d KiB, %d KiB", before[i].heap>>10, after[i].heap>>10))
		row(fmt.Sprintf("replica %d, goroutines at start and end", i+1), fmt.Sprintf("%d, %d", before[i].goroutines, after[i].goroutines))
	}
	_ = w.Flush()
	return b.String()
}
