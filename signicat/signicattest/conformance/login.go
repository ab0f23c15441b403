package conformance

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func (a *api) testMadeUpCode(t *testing.T) {
	session := a.create(t)
	state := query(t, session.IDPData.AuthorizationRequestURL).Get("state")
	if r := a.validate(t, session, strings.Repeat("a", 36), state); r.status/100 != 4 {
		t.Errorf("validate: %d", r.status)
	}
	a.wantOpen(t, session.ID)
}

// approve approves as the person. It returns the code, after it compared the state.
func (a *api) approve(t *testing.T, session reply) (code, state string) {
	t.Helper()
	redirect, err := a.Approve(session.IDPData.AuthorizationRequestURL)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(redirect, a.RedirectURL) {
		t.Fatal("the redirect URL does not begin with the configured one")
	}
	q := query(t, redirect)
	state = query(t, session.IDPData.AuthorizationRequestURL).Get("state")
	if q.Get("state") != state || q.Get("code") == "" || q.Get("error") != "" {
		t.Fatalf("the redirect URL has the state: %t, a code: %t, error %q", q.Get("state") == state, q.Get("code") != "", q.Get("error"))
	}
	return q.Get("code"), state
}

func (a *api) testLogin(t *testing.T) {
	session := a.create(t)
	code, state := a.approve(t, session)
	r := a.validate(t, session, code, state)
	if !accepts(r) {
		t.Fatalf("validate: %d, %d bytes of %q", r.status, len(r.body), r.contentType)
	}
	t.Logf("a validated code is answered with %d, %d bytes of %q", r.status, len(r.body), r.contentType)
	done := a.untilSuccess(t, session.ID)
	if done.ID != session.ID || done.AccountID != a.AccountID || done.Provider != "itsme" || done.LoA == "" {
		t.Errorf("the same id: %t, the same account: %t, provider %q, loa %q", done.ID == session.ID, done.AccountID == a.AccountID, done.Provider, done.LoA)
	}
	if len(done.Subject.ID) != 44 || done.Subject.Name == "" {
		t.Errorf("subject.id of %d characters, a name: %t", len(done.Subject.ID), done.Subject.Name != "")
	}
	if done.IDPData.TransactionID != session.IDPData.TransactionID {
		t.Error("another transaction")
	}
	t.Logf("the same code again is answered with %d", a.validate(t, session, code, state).status)
}

// accepts reports whether an answer accepts a code: 200 or 204, with no body or with one JSON object. The gateway treats
// every other 2xx as a lost answer.
func accepts(r reply) bool {
	var object map[string]any
	return (r.status == http.StatusOK || r.status == http.StatusNoContent) &&
		(len(r.body) == 0 || json.Unmarshal(r.body, &object) == nil && object != nil)
}

// untilSuccess reads up to 30 times.
func (a *api) untilSuccess(t *testing.T, id string) reply {
	t.Helper()
	ticker := time.NewTicker(a.Interval)
	defer ticker.Stop()
	for range 30 {
		r := a.read(t, id)
		if r.Status == "SUCCESS" {
			return r
		}
		t.Logf("status %v", r.Status)
		<-ticker.C
	}
	t.Fatal("no SUCCESS")
	return reply{}
}

// testCodeOfAnotherLogin sends the code of one login with another: the other must not succeed, and the code must stay
// valid for its own.
func (a *api) testCodeOfAnotherLogin(t *testing.T) {
	first, second := a.create(t), a.create(t)
	code, state := a.approve(t, first)
	otherState := query(t, second.IDPData.AuthorizationRequestURL).Get("state")
	if r := a.validate(t, second, code, otherState); r.status/100 != 4 {
		t.Errorf("validate: %d", r.status)
	}
	a.wantOpen(t, second.ID)
	if r := a.validate(t, first, code, state); !accepts(r) {
		t.Errorf("the code is no longer valid for its own login: %d", r.status)
	}
	a.untilSuccess(t, first.ID)
}

func (a *api) testRefusal(t *testing.T) {
	session := a.create(t)
	redirect, err := a.Refuse(session.IDPData.AuthorizationRequestURL)
	if err != nil {
		t.Fatal(err)
	}
	q, state := query(t, redirect), query(t, session.IDPData.AuthorizationRequestURL).Get("state")
	if q.Get("error") != "access_denied" || q.Get("state") != state || q.Has("code") {
		t.Errorf("error %q, the state: %t, a code: %t", q.Get("error"), q.Get("state") == state, q.Has("code"))
	}
	r := a.read(t, session.ID)
	t.Logf("a session that the person refused is %v", r.Status)
	if r.status != http.StatusOK || r.Status == "SUCCESS" {
		t.Errorf("read: %d, status %v", r.status, r.Status)
	}
}
