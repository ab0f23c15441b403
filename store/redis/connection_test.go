package redis

import (
	"errors"
	"testing"
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
		if got := s.plain(errors.New(sent)); got != want {
			t.Errorf("plain = %q, want %q", got, want)
		}
	}
}
