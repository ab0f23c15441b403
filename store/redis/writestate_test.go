package redis

import (
	"errors"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"
)

// TestRefusalsAreLoggedNowAndThen: one line for each change, and no more than one a minute for each cause.
func TestRefusalsAreLoggedNowAndThen(t *testing.T) {
	t.Parallel()
	w, now := newWriteState(), time.Now()
	for _, step := range []struct {
		after time.Duration
		cause Cause // empty for a write that is taken
		log   bool
	}{
		{0, "", false},
		{0, CauseMemory, true},
		{time.Second, CauseMemory, false},
		{time.Second, CauseReadOnly, true},
		{time.Second, CauseMemory, false},
		{time.Minute, CauseMemory, true},
		{time.Second, "", true},
		{time.Second, CauseMemory, false},
		{time.Second, "", false},
		{time.Minute, CauseMemory, true},
	} {
		now = now.Add(step.after)
		var log bool
		if step.cause == "" {
			log = w.clear()
		} else {
			log = w.note(step.cause, now)
		}
		if log != step.log || w.current() != step.cause {
			t.Errorf("%q: log = %t, want %t; the state is %q", step.cause, log, step.log, w.current())
		}
	}
	if n := w.counts[CauseMemory.row()].Load(); n != 6 {
		t.Errorf("%d refusals for want of memory, want 6", n)
	}
}

// TestCausesAreRead gives a client the answers of servers.
func TestCausesAreRead(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{server.Addr()}, ForceSingleClient: true, DisableCache: true, DisableRetry: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for answer, want := range map[string]Cause{
		"READONLY You can't write against a read only replica.":                                           CauseReadOnly,
		"READONLY You can't write against a read only replica. script: 1f, on @user_script:3.":            CauseReadOnly,
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.":                CauseReadOnly,
		"OOM command not allowed when used memory > 'maxmemory'.":                                         CauseMemory,
		"ERR Error running script (call to f_1f): @user_script:3: -OOM command not allowed when used":     CauseMemory,
		"ERR Error running script (call to f_1f): @user_script:3: @user_script: 3: -READONLY You can't":   CauseReadOnly,
		"NOREPLICAS Not enough good replicas to write.":                                                   CauseReplicas,
		"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk": CauseDisk,
		"LOADING Redis is loading the dataset in memory":                                                  CauseLoading,
		"CLUSTERDOWN The cluster is down":                                                                 CauseClusterDown,
		"CLUSTERDOWN Hash slot not served":                                                                CauseClusterDown,
		"ERR unknown command 'OOM'":                                                                       "",
		"WRONGPASS invalid username-password pair or user is disabled.":                                   "",
	} {
		server.SetError(answer)
		err := client.Do(t.Context(), client.B().Get().Key("key").Build()).Error()
		if got, ok := causeOf(err); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %t, want %q", answer, got, ok, want)
		}
	}
	if got, ok := causeOf(errors.New("OOM")); ok {
		t.Errorf("what is no answer of a server: %q", got)
	}
}
