package attack_test

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
	// accepts says that Signicat accepts a code with just this answer.
	accepts bool
}

// strayAcceptances are answers of a machine in between that look like Signicat's own 2xx.
func strayAcceptances() []attackFault {
	return []attackFault{
		{name: "200, empty object", fault: signicattest.Fault{Body: signicattest.BodyEmptyObject}, accepts: true},
		{name: "200, empty", fault: signicattest.Fault{Body: signicattest.BodyEmpty}, accepts: true},
		{name: "204", fault: signicattest.Fault{Status: 204}, accepts: true},
	}
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
	for _, body := range []string{signicattest.BodyTruncated, signicattest.BodyHuge, signicattest.BodyArray} {
		kinds = append(kinds, attackFault{name: "200, body " + body, fault: signicattest.Fault{Body: body}})
	}
	for _, status := range []int{201, 202, 203, 206} {
		kinds = append(kinds, attackFault{name: fmt.Sprint(status), fault: signicattest.Fault{Status: status}})
	}
	kinds = append(kinds, strayAcceptances()...)
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

// TestWrongCodeIsNeverIssuedAToken has an attacker start a login, send its link to a victim who approves it, and present
// a made-up code with the right verifier while Signicat has trouble, again and again. The session becomes SUCCESS; a
// gateway that took this for the code's would hand the attacker the victim's identity. It plays against a Signicat that
// shows SUCCESS only once the code was validated, and against one that shows it as soon as the victim approved.
func TestWrongCodeIsNeverIssuedAToken(t *testing.T) {
	t.Parallel()
	for _, early := range []bool{false, true} {
		for _, operations := range [][]string{{"validate_code"}, {"read_session"}, {"validate_code", "read_session"}} {
			for _, approved := range []moment{beforeTheCode, whileItIsSent, afterItsAnswer} {
				attack := wrongCodeAttack{early, operations, approved}
				t.Run(attack.name(), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, attack.play)
				})
			}
		}
	}
}

type wrongCodeAttack struct {
	early      bool // SUCCESS before validation
	operations []string
	approved   moment
}

func (a wrongCodeAttack) name() string {
	return fmt.Sprintf("SUCCESS early %t/trouble at %s/approved %s", a.early, strings.Join(a.operations, " and "), a.approved)
}

// play uses one gateway for all faults: it must learn nothing from one for the next.
func (a wrongCodeAttack) play(t *testing.T) {
	b := openBubble(t, func(c *gateway.Config, s *signicattest.Config) {
		c.Limit.Pending, s.Switches.SuccessBeforeValidation = 100, a.early
	})
	for _, f := range a.faults() {
		b.wantWrongCodeRefused(t, a, f)
		<-time.After(time.Minute) // for the gateway to trust Signicat again
	}
}

// faults leaves out what TestStrayAcceptanceCountsForAMinute plays: Signicat seems to accept the code, and shows SUCCESS
// at once. To a read it is all one whether it was performed.
func (a wrongCodeAttack) faults() []attackFault {
	return slices.DeleteFunc(attackFaults(), func(f attackFault) bool {
		if !slices.Contains(a.operations, "validate_code") {
			return f.fault.After
		}
		return f.accepts && a.early
	})
}

// TestStrayAcceptanceCountsForAMinute has a machine between the gateway and Signicat answer one validation in Signicat's
// place, for an attacker's made-up code. When the victim approves more than a minute later, the attacker gets nothing,
// even from a Signicat that shows SUCCESS early, and whatever the attacker sends meanwhile and afterwards. The next login
// is no weaker for it.
func TestStrayAcceptanceCountsForAMinute(t *testing.T) {
	t.Parallel()
	for _, f := range strayAcceptances() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := openBubble(t, func(_ *gateway.Config, s *signicattest.Config) { s.Switches.SuccessBeforeValidation = true })
				f.fault.Operation, f.fault.Call = "validate_code", 1
				if err := b.Signicat.Script(f.fault); err != nil {
					t.Fatal(err)
				}
				login := b.start(t)
				for began := time.Now(); time.Since(began) < gateway.SuccessWindow; <-time.After(time.Second) {
					b.wantNoToken(t, "before the approval", login)
				}
				b.approve(t, login)
				for range 5 {
					b.wantNoToken(t, "after the approval", login)
					<-time.After(time.Minute)
				}
				if n := b.Signicat.Count("validate_code"); n != 1 {
					t.Errorf("the code was sent %d times", n)
				}
				next := b.start(t)
				b.approve(t, next)
				b.wantNoToken(t, "of the next login", next)
			})
		})
	}
}

func (b *bubble) wantNoToken(t *testing.T, when string, login bubbleLogin) {
	t.Helper()
	if answer := b.redeem(login, wrongCode); answer.Code == http.StatusOK || strings.Contains(answer.Body.String(), "access_token") {
		t.Errorf("%s: the wrong code gets %d", when, answer.Code)
	}
}

func (b *bubble) wantWrongCodeRefused(t *testing.T, a wrongCodeAttack, f attackFault) {
	t.Helper()
	login, fault := b.start(t), f.fault
	for _, fault.Operation = range a.operations {
		if err := b.Signicat.Script(fault); err != nil {
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
			b.Signicat.ClearScript()
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
