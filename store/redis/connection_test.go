package redis

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestCountStandbys reads what servers answer: a standby counts while it is connected and was heard of a
// moment ago, or has just connected.
func TestCountStandbys(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		info string
		want int
	}{
		"none":                     {"role:master\r\nconnected_slaves:0\r\n", 0},
		"one":                      {"connected_slaves:1\r\nslave0:ip=::1,port=6379,state=online,offset=14,lag=0\r\n", 1},
		"two":                      {"slave0:ip=10.0.0.2,port=6379,state=online,offset=14,lag=1\r\nslave1:ip=10.0.0.3,port=6379,state=online,offset=14,lag=0\r\n", 2},
		"one that is silent":       {"slave0:ip=10.0.0.2,port=6379,state=online,offset=14,lag=11\r\n", 0},
		"one that gets its copy":   {"slave0:ip=10.0.0.2,port=6379,state=send_bulk,offset=0,lag=0\r\n", 0},
		"one that was not heard":   {"slave0:ip=10.0.0.2,port=6379,state=online,offset=0,lag=1764326400\r\n", 1},
		"of a replica":             {"role:slave\r\nslave_repl_offset:14\r\nslave_priority:100\r\n", 0},
		"a server that says less":  {"slave0:10.0.0.2,6379,online\r\n", 0},
		"what is no answer at all": {"", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := countStandbys(row.info); got != row.want {
				t.Errorf("%d standbys, want %d", got, row.want)
			}
		})
	}
}

// TestErrorsTellNoPassword: a server in between may answer with what it was sent.
func TestErrorsTellNoPassword(t *testing.T) {
	t.Parallel()
	s := &connection{config: Config{Password: "hunter2"}}
	for sent, want := range map[string]string{
		"ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'me' 'hunter2'": "ERR unknown command 'HELLO'",
		"ERR cannot AUTH me hunter2 here":                                                  "ERR cannot AUTH me *** here",
		"dial tcp: connection refused":                                                     "dial tcp: connection refused",
	} {
		if got := s.redacted(errors.New(sent)); got != want {
			t.Errorf("redacted = %q, want %q", got, want)
		}
	}
}

// TestSettingsAreLookedAtHourly: an operator changes the eviction policy while the gateway runs, and no connection is
// made. A connection that is made may lead to another server, which is looked at at once.
func TestSettingsAreLookedAtHourly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &watch{revocations: &revocations{connection: &connection{dialer: newDialer(t.Context(), Config{})}}}
		for _, row := range []struct {
			what   string
			after  time.Duration
			dialed int64
			want   bool
		}{
			{"at the start", 0, 1, true},
			{"at the next look", syncInterval, 0, false},
			{"just before the hour is over", checkInterval - syncInterval - 1, 0, false},
			{"after an hour", 1, 0, true},
			{"at the look after that", syncInterval, 0, false},
			{"after a connection was made", syncInterval, 1, true},
			{"within an hour of that", checkInterval - 1, 0, false},
			{"an hour after that", 1, 0, true},
		} {
			<-time.After(row.after)
			w.revocations.dialer.count.Add(row.dialed)
			if got := w.due(); got != row.want {
				t.Errorf("%s: due = %t, want %t", row.what, got, row.want)
			}
		}
	})
}
