package flow_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// wrongCode has the form of a code of itsme, and is the code of no login.
var wrongCode = strings.Repeat("a", 36)

// attackFault is a fault of Signicat, with its name.
type attackFault struct {
	name    string
	fault   signicattest.Fault
	accepts bool // Signicat accepts a code with this same answer
}

// strayAcceptances are answers of a middlebox that look like Signicat's own 2xx.
func strayAcceptances() []attackFault {
	return []attackFault{
		{name: "200, empty object", fault: signicattest.Fault{Body: signicattest.BodyEmptyObject}, accepts: true},
		{name: "200, empty", fault: signicattest.Fault{Body: signicattest.BodyEmpty}, accepts: true},
		{name: "204", fault: signicattest.Fault{Status: 204}, accepts: true},
	}
}

// attackFaults are all faults of the simulator, before and after it carries a call out.
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

// approvalTime is when the victim approves, relative to the attacker's request.
type approvalTime string

const (
	beforeTheCode  approvalTime = "before the code is sent"
	whileItIsSent  approvalTime = "while the code is under way"
	afterItsAnswer approvalTime = "after the first answer"
)

// TestWrongCodeIsNeverIssuedAToken has an attacker start a login and send its link to a victim, who approves it. The
// attacker presents a made-up code with the right verifier while Signicat has faults, again and again. The session
// becomes SUCCESS. A gateway that takes this for an acceptance of the code hands the attacker the victim's identity.
// The attack plays against a Signicat that shows SUCCESS after it validated the code, and against one that shows
// SUCCESS as soon as the victim approves.
func TestWrongCodeIsNeverIssuedAToken(t *testing.T) {
	t.Parallel()
	for _, early := range []bool{false, true} {
		for _, operations := range [][]string{{"validate_code"}, {"read_session"}, {"validate_code", "read_session"}} {
			for _, approved := range []approvalTime{beforeTheCode, whileItIsSent, afterItsAnswer} {
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
	approved   approvalTime
}

func (a wrongCodeAttack) name() string {
	return fmt.Sprintf("SUCCESS early %t/trouble at %s/approved %s", a.early, strings.Join(a.operations, " and "), a.approved)
}

// play uses one gateway for all faults, so that no fault changes the outcome of the next.
func (a wrongCodeAttack) play(t *testing.T) {
	e := newEnv(t, func(c *gateway.Config, s *signicattest.Config) {
		c.Limit.Pending, s.Switches.SuccessBeforeValidation = 100, a.early
	})
	for _, f := range a.faults() {
		e.wantWrongCodeRefused(t, a, f)
		pass(time.Minute) // until the breaker is closed
	}
}

// faults leaves out the faults that TestStrayAcceptanceCountsForAMinute plays: Signicat seems to accept the code and
// shows SUCCESS at once. For a read it makes no difference whether it was carried out.
func (a wrongCodeAttack) faults() []attackFault {
	return slices.DeleteFunc(attackFaults(), func(f attackFault) bool {
		if !slices.Contains(a.operations, "validate_code") {
			return f.fault.After
		}
		return f.accepts && a.early
	})
}

// TestStrayAcceptanceCountsForAMinute has a middlebox answer one validation in place of Signicat, for an attacker's
// made-up code. The victim approves more than a minute later. The attacker gets no token, even from a Signicat that
// shows SUCCESS early, whatever the attacker sends before and after. The next login is no weaker.
func TestStrayAcceptanceCountsForAMinute(t *testing.T) {
	t.Parallel()
	for _, f := range strayAcceptances() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, earlySuccess)
				f.fault.Operation, f.fault.Call = "validate_code", 1
				e.script(t, f.fault)
				login := e.wrongCodeApp(t)
				for began := time.Now(); time.Since(began) < gateway.SuccessWindow; pass(time.Second) {
					login.wantNoToken(t, "before the approval")
				}
				login.approveElsewhere(t)
				for range 5 {
					login.wantNoToken(t, "after the approval")
					pass(time.Minute)
				}
				login.wantSent(t, "altogether", 1)
				next := e.wrongCodeApp(t)
				next.approveElsewhere(t)
				next.wantNoToken(t, "of the next login")
			})
		})
	}
}

// wrongCodeApp starts a login as an attacker, who knows the state and the verifier but not the code.
func (e *env) wrongCodeApp(t *testing.T) *app {
	t.Helper()
	a := e.newApp()
	if answer := a.start(); answer.Code != http.StatusCreated {
		t.Fatalf("starting: %d %s", answer.Code, answer.Body)
	}
	session, err := e.Signicat.Session(a.link)
	if err != nil {
		t.Fatal(err)
	}
	a.state, a.code = session.State, wrongCode
	return a
}

// approveElsewhere approves the login. The code goes to the victim's phone.
func (a *app) approveElsewhere(t *testing.T) {
	t.Helper()
	if _, err := a.env.Signicat.Approve(a.link, "adult"); err != nil {
		t.Fatal(err)
	}
}

func (a *app) wantNoToken(t *testing.T, when string) {
	t.Helper()
	if answer := a.redeem(); answer.Code == http.StatusOK || strings.Contains(answer.Body.String(), "access_token") {
		t.Errorf("%s: the wrong code gets %d", when, answer.Code)
	}
}

func (e *env) wantWrongCodeRefused(t *testing.T, a wrongCodeAttack, f attackFault) {
	t.Helper()
	login, fault := e.wrongCodeApp(t), f.fault
	for _, fault.Operation = range a.operations {
		e.script(t, fault)
	}
	if a.approved == beforeTheCode {
		login.approveElsewhere(t)
	}
	answered := make(chan reply, 1)
	go func() { answered <- login.redeem() }()
	synctest.Wait() // until the code is under way or refused
	if a.approved == whileItIsSent {
		login.approveElsewhere(t)
	}
	answers := []reply{<-answered}
	if a.approved == afterItsAnswer {
		login.approveElsewhere(t)
	}
	for attempt := range 3 {
		if attempt == 2 {
			e.Signicat.ClearScript()
		}
		answers = append(answers, login.redeem())
	}
	for i, answer := range answers {
		if answer.Code == http.StatusOK || strings.Contains(answer.Body.String(), "access_token") {
			t.Errorf("%s: answer %d to the wrong code is %d", f.name, i+1, answer.Code)
		}
	}
	if status := login.status(""); status.text("status") == "issued" {
		t.Errorf("%s: the session's status is %s", f.name, status.Body)
	}
}
