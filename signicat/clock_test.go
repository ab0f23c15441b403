package signicat_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// TestClockIsComparedWithSignicats creates a session at servers whose clocks differ. What a cache or another server
// says about the time is left out.
func TestClockIsComparedWithSignicats(t *testing.T) {
	t.Parallel()
	at := func(behind time.Duration, also func(http.ResponseWriter)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(-behind).UTC().Format(http.TimeFormat))
			if also != nil {
				also(w)
			}
			answerSession(w, r)
		}
	}
	for name, row := range map[string]struct {
		session http.HandlerFunc
		want    time.Duration
		left    bool // out
	}{
		"the same time":     {at(0, nil), 0, false},
		"behind":            {at(90*time.Second, nil), 90 * time.Second, false},
		"ahead":             {at(-90*time.Second, nil), -90 * time.Second, false},
		"an error":          {at(90*time.Second, func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }), 90 * time.Second, false},
		"a cache's answer":  {at(90*time.Second, func(w http.ResponseWriter) { w.Header().Set("Age", "90") }), 0, true},
		"another server's":  {at(90*time.Second, func(w http.ResponseWriter) { w.WriteHeader(http.StatusProxyAuthRequired) }), 0, true},
		"a Date of no time": {at(0, func(w http.ResponseWriter) { w.Header().Set("Date", "yesterday") }), 0, true},
		"no Date":           {at(0, func(w http.ResponseWriter) { w.Header()["Date"] = nil }), 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var compared []time.Duration
			client, _ := newClient(t, &server{session: row.session}, func(c *signicat.Config) {
				c.ObserveClock = func(ahead time.Duration) { compared = append(compared, ahead) }
			})
			if err := client.CheckCredentials(context.Background()); err != nil {
				t.Fatal(err)
			}
			compared = nil
			_, _ = client.CreateSession(t.Context(), signicat.SessionRequest{})
			if row.left {
				if len(compared) > 0 {
					t.Errorf("it was compared: %v", compared)
				}
				return
			}
			// Date is cut to a second, and a busy machine takes its time.
			if len(compared) != 1 || (compared[0]-row.want).Abs() > 10*time.Second {
				t.Errorf("this clock is ahead by %v, want %v", compared, row.want)
			}
		})
	}
}
