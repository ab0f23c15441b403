package caddymodule_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// wrongCode has the form of itsme's codes and is none of this login's.
var wrongCode = strings.Repeat("a", 36)

// attackFault is one thing that goes wrong at Signicat.
type attackFault struct {
	name  string
	fault signicattest.Fault
	// word says that Signicat accepts a code with just this answer.
	word bool
}

// attackFaults are all that the simulator can do wrong, before and after it did what it was asked.
func attackFaults() (faults []attackFault) {
	kinds := []attackFault{
		{name: "a redirect", fault: signicattest.Fault{Redirect: "https://evil.example/"}},
		{name: "a cut before the headers", fault: signicattest.Fault{Cut: signicattest.CutBeforeHeaders}},
		{name: "a cut in the body", fault: signicattest.Fault{Cut: signicattest.CutMidBody}},
		{name: "silence", fault: signicattest.Fault{Delay: time.Minute}},
		{name: "a pause", fault: signicattest.Fault{Delay: time.Second}},
		{name: "a web page", fault: signicattest.Fault{Body: signicattest.BodyHTML}},
		{name: "429 for a second", fault: signicattest.Fault{Status: 429, RetryAfter: "1"}},
		{name: "503 for nonsense", fault: signicattest.Fault{Status: 503, RetryAfter: "soon"}},
	}
	for _, status := range []int{400, 401, 403, 404, 500} {
		kinds = append(kinds, attackFault{name: fmt.Sprint(status), fault: signicattest.Fault{Status: status}})
	}
	for _, body := range []string{
		signicattest.BodyTruncated, signicattest.BodyHuge, signicattest.BodyArray, signicattest.BodyEmptyObject, signicattest.BodyEmpty,
	} {
		kinds = append(kinds, attackFault{name: "200, body " + body, fault: signicattest.Fault{Body: body}, word: true})
	}
	kinds = append(kinds, attackFault{name: "204", fault: signicattest.Fault{Status: 204}, word: true})
	for _, kind := range kinds {
		faults = append(faults, kind)
		kind.name, kind.fault.After = kind.name+", too late", true
		faults = append(faults, kind)
	}
	return faults
}

// moment is when the person approves, seen from whoever presents a code that is not theirs.
type moment string

const (
	beforeTheCode  moment = "before the code is sent"
	whileItIsSent  moment = "while the code is under way"
	afterItsAnswer moment = "after the first answer"
)

// TestWrongCodeIsNeverIssuedAToken has an attacker start a login, send its link to somebody who
// approves it, and present a made-up code with the right verifier while Signicat has trouble, again
// and again. The session becomes SUCCESS; a gateway that took this for the code's would hand the
// attacker the victim's identity. It plays against a Signicat that shows SUCCESS only once the code
// was validated and against one that shows it as soon as the person approved, each known to the
// gateway by an earlier login, or not known yet.
func TestWrongCodeIsNeverIssuedAToken(t *testing.T) {
	t.Parallel()
	for _, early := range []bool{false, true} {
		for _, known := range []bool{false, true} {
			for _, operations := range [][]string{{"validate_code"}, {"read_session"}, {"validate_code", "read_session"}} {
				for _, approved := range []moment{beforeTheCode, whileItIsSent, afterItsAnswer} {
					attack := wrongCodeAttack{early, known, operations, approved}
					t.Run(attack.name(), func(t *testing.T) {
						t.Parallel()
						attack.play(t)
					})
				}
			}
		}
	}
}

type wrongCodeAttack struct {
	early, known bool // SUCCESS before validation, and the gateway has seen what there is to see of it
	operations   []string
	approved     moment
}

func (a wrongCodeAttack) name() string {
	return fmt.Sprintf("SUCCESS early %t/known %t/trouble at %s/approved %s", a.early, a.known, strings.Join(a.operations, " and "), a.approved)
}

// play uses one gateway for all faults when it knows Signicat, since it then learns nothing more,
// and else a fresh one for each.
func (a wrongCodeAttack) play(t *testing.T) {
	t.Helper()
	open := func(t *testing.T) *bubble {
		return openBubble(t, gateway.LimitConfig{Pending: 100}, signicattest.Config{Switches: signicattest.Switches{SuccessBeforeValidation: a.early}})
	}
	if !a.known {
		for _, f := range a.faults() {
			synctest.Test(t, func(t *testing.T) { open(t).wantWrongCodeRefused(t, a, f) })
		}
		return
	}
	synctest.Test(t, func(t *testing.T) {
		b := open(t)
		login := b.start(t)
		b.redeem(login, b.approve(t, login))
		for _, f := range a.faults() {
			b.wantWrongCodeRefused(t, a, f)
			<-time.After(time.Minute) // for the gateway to trust Signicat again
		}
	})
}

// faults leaves out what nobody could tell: that Signicat says that the code is good, and shows
// SUCCESS. To a read it is all one whether it was performed.
func (a wrongCodeAttack) faults() []attackFault {
	return slices.DeleteFunc(attackFaults(), func(f attackFault) bool {
		if !slices.Contains(a.operations, "validate_code") {
			return f.fault.After
		}
		return f.word && a.early
	})
}

func (b *bubble) wantWrongCodeRefused(t *testing.T, a wrongCodeAttack, f attackFault) {
	t.Helper()
	login, fault := b.start(t), f.fault
	for _, fault.Operation = range a.operations {
		if err := b.signicat.Script(fault); err != nil {
			t.Fatal(err)
		}
	}
	if a.approved == beforeTheCode {
		b.approve(t, login)
	}
	answered := make(chan *httptest.ResponseRecorder, 1)
	go func() { answered <- b.redeem(login, wrongCode) }()
	synctest.Wait() // the code is under way, or refused, and everybody waits
	if a.approved == whileItIsSent {
		b.approve(t, login)
	}
	answers := []*httptest.ResponseRecorder{<-answered}
	if a.approved == afterItsAnswer {
		b.approve(t, login)
	}
	for attempt := range 3 {
		if attempt == 2 {
			b.signicat.ClearScript()
		}
		answers = append(answers, b.redeem(login, wrongCode))
	}
	for i, answer := range answers {
		if answer.Code == http.StatusOK || strings.Contains(answer.Body.String(), "access_token") {
			t.Errorf("%s: answer %d to the wrong code is %d", f.name, i+1, answer.Code)
		}
	}
	if status := b.status(login); strings.Contains(status, "issued") {
		t.Errorf("%s: the session's status is %s", f.name, status)
	}
}
