package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/browsertest"
)

// stage is the demo with a browser in front of it. There is one Caddy in a process, so tests that
// open a stage are not parallel; what plays on it may be.
type stage struct {
	*servers
	browser *browsertest.Browser
}

func openStage(t *testing.T, o browsertest.Options) stage {
	t.Helper()
	s, err := startServers(ports{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return stage{s, browsertest.Start(t, o)}
}

// wanted is the page that everybody asks for.
const wanted = "/account?tab=2"

// begin opens a window and asks for a page, which ends on the login page.
func (s stage) begin(t *testing.T, as browsertest.Tab) *browsertest.Page {
	t.Helper()
	tab := s.browser.Open(t, as)
	tab.Go(s.Gateway + wanted)
	tab.See("h1")
	return tab
}

// oneTap opens itsme with one tap: the finger goes up when the answer is there.
func oneTap(tab *browsertest.Page) {
	release := tab.Press("#link")
	tab.Exists("#link[href]")
	release()
}

const (
	approveButton = "button[value=approve]"
	refuseButton  = "button[value=refuse]"
)

// arrived waits for the page that was asked for.
func (s stage) arrived(t *testing.T, tab *browsertest.Page) {
	t.Helper()
	tab.ReadsAmong("h1", "Hello, Lien")
	tab.See("dl")
	if got := tab.URL(); got != s.Gateway+wanted {
		t.Errorf("the login ended on %s, want %s", got, s.Gateway+wanted)
	}
}

// manage calls the simulator's management API.
func (s stage) manage(t *testing.T, method, path, body string, answer any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.Management+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil || response.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s %s: %d %s %v", method, path, response.StatusCode, &text, err)
	}
	if answer == nil {
		return
	}
	if err := json.Unmarshal(text.Bytes(), answer); err != nil {
		t.Fatal(err)
	}
}

// expire ends at Signicat the session that a link belongs to.
func (s stage) expire(t *testing.T, link string) {
	t.Helper()
	var sessions []struct {
		ID   string `json:"id"`
		Link string `json:"authorization_request_url"`
	}
	s.manage(t, http.MethodGet, "/sessions", "", &sessions)
	for _, session := range sessions {
		if session.Link == link {
			s.manage(t, http.MethodPost, "/sessions/"+session.ID+"/expire", "", nil)
			return
		}
	}
	t.Fatalf("the simulator knows no session of this link among %d", len(sessions))
}
