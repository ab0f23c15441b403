package flow_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// earlySuccess makes the simulator show SUCCESS as soon as the user approves.
func earlySuccess(_ *gateway.Config, s *signicattest.Config) {
	s.Switches.SuccessBeforeValidation = true
}

// wantSent checks how often the code was sent to Signicat.
func (a *app) wantSent(t *testing.T, what string, want int) {
	t.Helper()
	if got := a.env.Signicat.Count("validate_code"); got != want {
		t.Errorf("%s: the code was sent %d times, want %d", what, got, want)
	}
}

// wantReply compares an answer with the words of the table.
func wantReply(t *testing.T, what string, got reply, want string) {
	t.Helper()
	if got.outcome() != want {
		t.Errorf("%s: %s, want %s", what, got.outcome(), want)
	}
}

// TestSuccessBeforeTheCodeEndsNothing has an app read the status of its login before it posts the code, while
// Signicat already shows SUCCESS. The login goes on. The gateway reads the session no more often than any
// other pending session.
func TestSuccessBeforeTheCodeEndsNothing(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{"poll": "", "long poll": "?wait=25s"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, earlySuccess)
				a := e.approvedApp(t)
				began := time.Now()
				for time.Since(began) < 30*time.Second {
					wantReply(t, "the status", a.status(query), "200 pending")
					pass(500 * time.Millisecond)
				}
				if n, most := e.Signicat.Count("read_session"), int(time.Since(began)/(2*time.Second))+1; n > most {
					t.Errorf("%d reads in %s, want %d at most", n, time.Since(began), most)
				}
				wantReply(t, "the code", a.redeem(), "the token")
				wantReply(t, "the status afterwards", a.status(""), "200 issued")
			})
		})
	}
}

// TestSuccessCountsForAMinute lets the session show SUCCESS some time after Signicat accepted the code. The
// code is sent once, whatever the outcome.
func TestSuccessCountsForAMinute(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]struct{ outcome, reason string }{
		0:                {"the token", "issued"},
		15 * time.Second: {"the token", "issued"},
		55 * time.Second: {"the token", "issued"},
		61 * time.Second: {"400 invalid_grant", "no_success"},
		10 * time.Minute: {"400 invalid_grant", "no_success"},
	} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				a := e.approvedApp(t)
				shown := signicattest.Override{Session: map[string]any{"status": "WAITING_FOR_USER"}}
				if err := e.Signicat.OverrideSession(a.link, shown); err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(after, func() { _ = e.Signicat.OverrideSession(a.link, signicattest.Override{}) })
				began := time.Now()
				got := e.retry(a.redeem, a.redeem())
				wantReply(t, "the code", got, want.outcome)
				if took := time.Since(began); took > gateway.SuccessWindow+gateway.FinishWait {
					t.Errorf("the login ended after %s", took)
				}
				if got := e.log.reason(t); got != want.reason {
					t.Errorf("the reason is %s, want %s", got, want.reason)
				}
				a.wantSent(t, "altogether", 1)
				wantReply(t, "again", a.redeem(), want.outcome)
				a.wantSent(t, "after the end", 1)
			})
		})
	}
}

// TestLostAnswersAreTriedAgainUntilTheCodeIsOld lets validations fail for a while. Each request of the app
// sends the code twice, until the code is 180 s old.
func TestLostAnswersAreTriedAgainUntilTheCodeIsOld(t *testing.T) {
	t.Parallel()
	for ends, want := range map[time.Duration]struct{ outcome, reason string }{
		2 * time.Minute: {"the token", "issued"},
		time.Hour:       {"400 expired_token", "code_expired"},
	} {
		t.Run(ends.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				a := e.approvedApp(t)
				e.script(t, signicattest.Fault{Operation: "validate_code", Status: 503})
				time.AfterFunc(ends, e.Signicat.ClearScript)
				for range 10 {
					before := e.Signicat.Count("validate_code")
					wantReply(t, "meanwhile", a.redeem(), "503 temporarily_unavailable, Retry-After 5")
					a.wantSent(t, "by one call more", before+2)
					wantReply(t, "the status meanwhile", a.status(""), "200 pending")
					pass(5 * time.Second)
				}
				wantReply(t, "at last", e.retry(a.redeem, a.redeem()), want.outcome)
				if got := e.log.reason(t); got != want.reason {
					t.Errorf("the reason is %s, want %s", got, want.reason)
				}
				sent := e.Signicat.Count("validate_code")
				wantReply(t, "again", a.redeem(), want.outcome)
				a.wantSent(t, "after the end", sent)
			})
		})
	}
}

// TestCodeIsSentWhileItIsYoung presents a code that is almost 180 s old. The request sends it once. Another
// request meanwhile does not end the login.
func TestCodeIsSentWhileItIsYoung(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		0:   "the token",
		503: "503 temporarily_unavailable, Retry-After 5",
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			inEnv(t, func(t *testing.T, e *env) {
				a := e.approvedApp(t)
				e.script(t, signicattest.Fault{Operation: "validate_code", Times: 2, Status: 503})
				wantReply(t, "the first call", a.redeem(), "503 temporarily_unavailable, Retry-After 5")
				pass(gateway.CodeLifetime - 2*time.Second)
				e.script(t, signicattest.Fault{Operation: "validate_code", After: true, Delay: 5 * time.Second, Status: status})
				answered := make(chan reply, 1)
				go func() { answered <- a.redeem() }()
				pass(2500 * time.Millisecond)
				wantReply(t, "the status meanwhile", a.status(""), "200 pending")
				wantReply(t, "another call meanwhile", a.redeem(), "400 authorization_pending")
				wantReply(t, "the last call", <-answered, want)
				a.wantSent(t, "altogether", 3)
			})
		})
	}
}

// TestShortRetryAfterIsWaitedFor has Signicat name a time. The request waits for a short one, and leaves a
// long one to the app.
func TestShortRetryAfterIsWaitedFor(t *testing.T) {
	t.Parallel()
	for named, want := range map[string]string{
		"2": "the token",
		"9": "503 temporarily_unavailable, Retry-After 9",
	} {
		t.Run(named, func(t *testing.T) {
			inEnv(t, func(t *testing.T, e *env) {
				a := e.approvedApp(t)
				e.script(t, signicattest.Fault{Operation: "validate_code", Call: 1, Status: 429, RetryAfter: named})
				began := time.Now()
				wantReply(t, "the code", a.redeem(), want)
				if took := time.Since(began); want == "the token" && took < 2*time.Second {
					t.Errorf("Signicat was called again after %s", took)
				}
			})
		})
	}
}

// leaveValidating writes into the store what a replica leaves behind that crashes while it validates the code.
func (a *app) leaveValidating(t *testing.T, lease time.Duration) {
	t.Helper()
	record, err := a.env.Config.Store.Load(t.Context(), a.sessionID)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	record.Phase, record.CodeHash, record.FirstPresented = store.Validating, sha256.Sum256([]byte(a.code)), now
	record.SentAt, record.LeaseUntil, record.Fence = now, now.Add(lease), record.Fence+1
	if err := a.env.Config.Store.Update(t.Context(), record); err != nil {
		t.Fatal(err)
	}
}

// sendElsewhere sends the code to Signicat as another replica would.
func (a *app) sendElsewhere(t *testing.T) {
	t.Helper()
	client, err := signicat.New(a.env.Config.Signicat)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	record, err := a.env.Config.Store.Load(t.Context(), a.sessionID)
	if err != nil {
		t.Fatal(err)
	}
	err = client.ValidateCode(t.Context(), signicat.CodeValidation{
		TokenRequestURL: record.TokenRequestURL, TransactionID: record.TransactionID, AccountID: record.AccountID,
		Code: a.code, State: a.state,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReplicaThatDiedIsALostAnswer has a replica crash while it validates the code. The next request after its
// lease sends the code once more. If Signicat accepted the first sending, the login ends and the user starts
// again.
func TestReplicaThatDiedIsALostAnswer(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		used            bool
		outcome, reason string
	}{
		"before it was sent":    {false, "the token", "issued"},
		"after it was accepted": {true, "400 invalid_grant", "answer_lost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				a := e.approvedApp(t)
				if row.used {
					a.sendElsewhere(t)
				}
				sent := e.Signicat.Count("validate_code")
				a.leaveValidating(t, gateway.Lease)
				wantReply(t, "while the lease lasts", a.redeem(), "400 authorization_pending")
				wantReply(t, "the status meanwhile", a.status(""), "200 pending")
				a.wantSent(t, "while the lease lasts", sent)
				pass(gateway.Lease)
				wantReply(t, "after the lease", a.redeem(), row.outcome)
				a.wantSent(t, "after the lease", sent+1)
				if got := e.log.reason(t); got != row.reason {
					t.Errorf("the reason is %s, want %s", got, row.reason)
				}
			})
		})
	}
}

// TestLateAnswerChangesNothing has a replica receive Signicat's 2xx after another replica took the login over
// and ended it. The client of the first replica gets the end, too.
func TestLateAnswerChangesNothing(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		a := e.approvedApp(t)
		e.script(t, signicattest.Fault{Operation: "validate_code", Delay: 5 * time.Second})
		answered := make(chan reply, 1)
		go func() { answered <- a.redeem() }()
		synctest.Wait() // the code is under way
		record, err := e.Config.Store.Load(t.Context(), a.sessionID)
		if err != nil {
			t.Fatal(err)
		}
		if record.SentAt.IsZero() {
			t.Error("the record does not say that the code was sent")
		}
		record.Phase, record.Reason, record.EndedAt, record.Fence = store.Failed, "answer_lost", time.Now(), record.Fence+1
		if err := e.Config.Store.Update(t.Context(), record); err != nil {
			t.Fatal(err)
		}
		wantReply(t, "the first replica", <-answered, "400 invalid_grant")
		wantReply(t, "the status", a.status(""), "200 failed")
		a.wantSent(t, "altogether", 1)
	})
}

// TestCodeUnderWayIsNotCancelled has the app cancel while its code is being validated, and while the login
// waits for SUCCESS. The login goes on. After a minute without SUCCESS it ends, also for an app that only
// reads the status.
func TestCodeUnderWayIsNotCancelled(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		a := e.approvedApp(t)
		e.script(t, signicattest.Fault{Operation: "validate_code", Delay: 3 * time.Second, Status: 204})
		answered := make(chan reply, 1)
		go func() { answered <- a.redeem() }()
		synctest.Wait()
		wantReply(t, "cancelling a code under way", a.cancel(), "409 invalid_request")
		pass(5 * time.Second)
		wantReply(t, "cancelling an accepted code", a.cancel(), "409 invalid_request")
		wantReply(t, "the code", <-answered, "400 authorization_pending")
		wantReply(t, "the status", a.status(""), "200 pending")
		pass(gateway.SuccessWindow)
		wantReply(t, "the status after a minute", a.status(""), "200 failed")
		wantReply(t, "cancelling after the end", a.cancel(), "204")
	})
}

// TestStatusEndsWhatIsOver has an app stop after a lost answer. The login ends when its code is too old, for
// every client that reads the status.
func TestStatusEndsWhatIsOver(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		a := e.approvedApp(t)
		e.script(t, signicattest.Fault{Operation: "validate_code", Status: 503})
		wantReply(t, "the code", a.redeem(), "503 temporarily_unavailable, Retry-After 5")
		pass(gateway.CodeLifetime - 10*time.Second)
		wantReply(t, "the status", a.status(""), "200 pending")
		pass(11 * time.Second)
		wantReply(t, "the status after three minutes", a.status(""), "200 expired")
	})
}
