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

// early is a Signicat that shows SUCCESS as soon as the user approved.
func early(_ *gateway.Config, s *signicattest.Config) { s.Switches.SuccessBeforeValidation = true }

func (p *phone) wantSent(t *testing.T, what string, want int) {
	t.Helper()
	if got := p.bubble.Signicat.Count("validate_code"); got != want {
		t.Errorf("%s: the code was sent %d times, want %d", what, got, want)
	}
}

func wantReply(t *testing.T, what string, got reply, want string) {
	t.Helper()
	if got.outcome() != want {
		t.Errorf("%s: %s, want %s", what, got.outcome(), want)
	}
}

// TestSuccessBeforeTheCodeEndsNothing has an app read the status of its login before it posts the code, once and as a
// long poll, while Signicat already shows SUCCESS. The login goes on, and Signicat is read no more often than for any
// other pending login.
func TestSuccessBeforeTheCodeEndsNothing(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{"poll": "", "long poll": "?wait=25s"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := openBubble(t, early)
				p := b.begun(t)
				began := time.Now()
				for time.Since(began) < 30*time.Second {
					wantReply(t, "the status", p.status(query), "200 pending")
					pass(500 * time.Millisecond)
				}
				if n, most := b.Signicat.Count("read_session"), int(time.Since(began)/(2*time.Second))+1; n > most {
					t.Errorf("%d reads in %s, want %d at most", n, time.Since(began), most)
				}
				wantReply(t, "the code", p.redeem(), "the token")
				wantReply(t, "the status afterwards", p.status(""), "200 issued")
			})
		})
	}
}

// TestSuccessCountsForAMinute lets the session show SUCCESS some time after the code was accepted. The code is sent once,
// whatever comes of it.
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
				b, j := openLogged(t)
				p := b.begun(t)
				shown := signicattest.Override{Session: map[string]any{"status": "WAITING_FOR_USER"}}
				if err := b.Signicat.OverrideSession(p.link, shown); err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(after, func() { _ = b.Signicat.OverrideSession(p.link, signicattest.Override{}) })
				began := time.Now()
				got := b.insist(p.redeem, p.redeem())
				wantReply(t, "the code", got, want.outcome)
				if took := time.Since(began); took > gateway.SuccessWindow+gateway.FinishWait {
					t.Errorf("the login ended after %s", took)
				}
				if got := j.reason(t); got != want.reason {
					t.Errorf("the reason is %s, want %s", got, want.reason)
				}
				p.wantSent(t, "altogether", 1)
				wantReply(t, "again", p.redeem(), want.outcome)
				p.wantSent(t, "after the end", 1)
			})
		})
	}
}

// TestLostAnswersAreTriedAgainUntilTheCodeIsOld lets Signicat answer no validation for a while. Each call of the app
// sends the code twice, until it is 180 s old.
func TestLostAnswersAreTriedAgainUntilTheCodeIsOld(t *testing.T) {
	t.Parallel()
	for ends, want := range map[time.Duration]struct{ outcome, reason string }{
		2 * time.Minute: {"the token", "issued"},
		time.Hour:       {"400 expired_token", "code_expired"},
	} {
		t.Run(ends.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, j := openLogged(t)
				p := b.begun(t)
				b.script(t, signicattest.Fault{Operation: "validate_code", Status: 503})
				time.AfterFunc(ends, b.Signicat.ClearScript)
				for range 10 {
					before := b.Signicat.Count("validate_code")
					wantReply(t, "meanwhile", p.redeem(), "503 temporarily_unavailable, Retry-After 5")
					p.wantSent(t, "by one call more", before+2)
					wantReply(t, "the status meanwhile", p.status(""), "200 pending")
					pass(5 * time.Second)
				}
				wantReply(t, "at last", b.insist(p.redeem, p.redeem()), want.outcome)
				if got := j.reason(t); got != want.reason {
					t.Errorf("the reason is %s, want %s", got, want.reason)
				}
				sent := b.Signicat.Count("validate_code")
				wantReply(t, "again", p.redeem(), want.outcome)
				p.wantSent(t, "after the end", sent)
			})
		})
	}
}

// TestCodeIsSentWhileItIsYoung: a call whose code is almost 180 s old sends it once, and another request does not end the
// login while that sending is under way.
func TestCodeIsSentWhileItIsYoung(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		0:   "the token",
		503: "503 temporarily_unavailable, Retry-After 5",
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bubble) {
				p := b.begun(t)
				b.script(t, signicattest.Fault{Operation: "validate_code", Times: 2, Status: 503})
				wantReply(t, "the first call", p.redeem(), "503 temporarily_unavailable, Retry-After 5")
				pass(gateway.CodeLifetime - 2*time.Second)
				b.script(t, signicattest.Fault{Operation: "validate_code", After: true, Delay: 5 * time.Second, Status: status})
				answered := make(chan reply, 1)
				go func() { answered <- p.redeem() }()
				pass(2500 * time.Millisecond)
				wantReply(t, "the status meanwhile", p.status(""), "200 pending")
				wantReply(t, "another call meanwhile", p.redeem(), "400 authorization_pending")
				wantReply(t, "the last call", <-answered, want)
				p.wantSent(t, "altogether", 3)
			})
		})
	}
}

// TestShortRetryAfterIsWaitedFor: Signicat names a time that the call can wait for, and one that it leaves to the app.
func TestShortRetryAfterIsWaitedFor(t *testing.T) {
	t.Parallel()
	for named, want := range map[string]string{
		"2": "the token",
		"9": "503 temporarily_unavailable, Retry-After 9",
	} {
		t.Run(named, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bubble) {
				p := b.begun(t)
				b.script(t, signicattest.Fault{Operation: "validate_code", Call: 1, Status: 429, RetryAfter: named})
				began := time.Now()
				wantReply(t, "the code", p.redeem(), want)
				if took := time.Since(began); want == "the token" && took < 2*time.Second {
					t.Errorf("Signicat was called again after %s", took)
				}
			})
		})
	}
}

// leave writes into the store what a replica leaves that dies while it validates the code.
func (p *phone) leave(t *testing.T, lease time.Duration) {
	t.Helper()
	record, err := p.bubble.Config.Store.Load(t.Context(), p.sessionID)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	record.Phase, record.CodeHash, record.FirstPresented = store.Validating, sha256.Sum256([]byte(p.code)), now
	record.SentAt, record.LeaseUntil, record.Fence = now, now.Add(lease), record.Fence+1
	if err := p.bubble.Config.Store.Update(t.Context(), record); err != nil {
		t.Fatal(err)
	}
}

// sendElsewhere sends the code to Signicat as another replica would.
func (p *phone) sendElsewhere(t *testing.T) {
	t.Helper()
	client, err := signicat.New(p.bubble.Config.Signicat)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	record, err := p.bubble.Config.Store.Load(t.Context(), p.sessionID)
	if err != nil {
		t.Fatal(err)
	}
	err = client.ValidateCode(t.Context(), signicat.CodeValidation{
		TokenRequestURL: record.TokenRequestURL, TransactionID: record.TransactionID, AccountID: record.AccountID,
		Code: p.code, State: p.state,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReplicaThatDiedIsALostAnswer has a replica die with a code under way. The next call after its lease sends the code
// once more. When the dead replica's sending was the one that Signicat accepted, the login ends, and the user starts
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
				b, j := openLogged(t)
				p := b.begun(t)
				if row.used {
					p.sendElsewhere(t)
				}
				sent := b.Signicat.Count("validate_code")
				p.leave(t, gateway.Lease)
				wantReply(t, "while the lease lasts", p.redeem(), "400 authorization_pending")
				wantReply(t, "the status meanwhile", p.status(""), "200 pending")
				p.wantSent(t, "while the lease lasts", sent)
				pass(gateway.Lease)
				wantReply(t, "after the lease", p.redeem(), row.outcome)
				p.wantSent(t, "after the lease", sent+1)
				if got := j.reason(t); got != row.reason {
					t.Errorf("the reason is %s, want %s", got, row.reason)
				}
			})
		})
	}
}

// TestLateAnswerChangesNothing has a replica get Signicat's 2xx after another one took the login over and ended it. The
// first one's client gets the end, too.
func TestLateAnswerChangesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		p := b.begun(t)
		b.script(t, signicattest.Fault{Operation: "validate_code", Delay: 5 * time.Second})
		answered := make(chan reply, 1)
		go func() { answered <- p.redeem() }()
		synctest.Wait() // the code is under way
		record, err := b.Config.Store.Load(t.Context(), p.sessionID)
		if err != nil {
			t.Fatal(err)
		}
		if record.SentAt.IsZero() {
			t.Error("the record does not say that the code was sent")
		}
		record.Phase, record.Reason, record.EndedAt, record.Fence = store.Failed, "answer_lost", time.Now(), record.Fence+1
		if err := b.Config.Store.Update(t.Context(), record); err != nil {
			t.Fatal(err)
		}
		wantReply(t, "the first replica", <-answered, "400 invalid_grant")
		wantReply(t, "the status", p.status(""), "200 failed")
		p.wantSent(t, "altogether", 1)
	})
}

// TestCodeUnderWayIsNotCancelled has the app cancel while its code is under way, and while it waits for SUCCESS: the
// login goes on. After a minute without SUCCESS it has ended, also for an app that asks for nothing but the status.
func TestCodeUnderWayIsNotCancelled(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		p := b.begun(t)
		b.script(t, signicattest.Fault{Operation: "validate_code", Delay: 3 * time.Second, Status: 204})
		answered := make(chan reply, 1)
		go func() { answered <- p.redeem() }()
		synctest.Wait()
		wantReply(t, "cancelling a code under way", p.cancel(), "409 invalid_request")
		pass(5 * time.Second)
		wantReply(t, "cancelling an accepted code", p.cancel(), "409 invalid_request")
		wantReply(t, "the code", <-answered, "400 authorization_pending")
		wantReply(t, "the status", p.status(""), "200 pending")
		pass(gateway.SuccessWindow)
		wantReply(t, "the status after a minute", p.status(""), "200 failed")
		wantReply(t, "cancelling after the end", p.cancel(), "204")
	})
}

// TestStatusEndsWhatIsOver: a login that its app left with a lost answer ends when its code is too old, for whoever asks
// for the status.
func TestStatusEndsWhatIsOver(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		p := b.begun(t)
		b.script(t, signicattest.Fault{Operation: "validate_code", Status: 503})
		wantReply(t, "the code", p.redeem(), "503 temporarily_unavailable, Retry-After 5")
		pass(gateway.CodeLifetime - 10*time.Second)
		wantReply(t, "the status", p.status(""), "200 pending")
		pass(11 * time.Second)
		wantReply(t, "the status after three minutes", p.status(""), "200 expired")
	})
}
