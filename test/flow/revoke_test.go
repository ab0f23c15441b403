package flow_test

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// replicas are gateways on one store whose clocks differ.
type replicas struct {
	*env
	ahead []time.Duration
	all   []*env
}

// newReplicas starts one replica for each offset of its clock.
func newReplicas(t *testing.T, ahead ...time.Duration) *replicas {
	t.Helper()
	e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) {
		memory := store.NewMemory(time.Now)
		t.Cleanup(func() { _ = memory.Close() })
		c.Store, c.Token.Refresh = memory, 30*24*time.Hour
	}, highLimits)
	r := &replicas{env: e, ahead: ahead}
	for _, d := range ahead {
		replica := *e
		replica.Config.Now = func() time.Time { return time.Now().Add(d) }
		replica.Restart(t)
		r.all = append(r.all, &replica)
	}
	return r
}

// at moves the app to another replica.
func (a *app) at(e *env) *app {
	a.env = e
	return a
}

func (e *env) refresh(token string) reply {
	return e.post("/token", "application/x-www-form-urlencoded", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}.Encode())
}

// subjectOf reads the subject of an access token at /userinfo.
func (e *env) subjectOf(t *testing.T, access string) string {
	t.Helper()
	answer := e.get(logintest.Path+"/userinfo", access)
	if answer.text("sub") == "" {
		t.Fatalf("userinfo: %d %s", answer.Code, answer.Body)
	}
	return answer.text("sub")
}

// TestRevokedSubjectIsRefusedEverywhere revokes a user at a replica whose clock differs from the others by up
// to the documented minute. Every token that a replica issued before is refused at all replicas, and logins
// under way end. The user can log in again at once, and every replica accepts the new tokens.
func TestRevokedSubjectIsRefusedEverywhere(t *testing.T) {
	t.Parallel()
	for _, ahead := range [][]time.Duration{
		{0, 0},
		{0, time.Second},
		{0, 2 * time.Second},
		{0, 20 * time.Second},
		{0, 59 * time.Second},
		{0, time.Minute},
		{-30 * time.Second, 0, 30 * time.Second},
	} {
		for revoker := range ahead {
			t.Run(strings.ReplaceAll(strconv.Quote(ahead[len(ahead)-1].String())+"/"+strconv.Itoa(revoker)+"/"+strconv.Itoa(len(ahead)), `"`, ""), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { revokeAt(t, newReplicas(t, ahead...), revoker) })
			})
		}
	}
}

func revokeAt(t *testing.T, r *replicas, revoker int) {
	var access, refresh []string
	var running, ended []*app
	for i, e := range r.all {
		a := e.approvedApp(t)
		first := a.redeem()
		next := r.all[(i+1)%len(r.all)].refresh(first.text("refresh_token"))
		if first.Code != http.StatusOK || next.Code != http.StatusOK {
			t.Fatalf("logging in: %d %s, %d %s", first.Code, first.Body, next.Code, next.Body)
		}
		access = append(access, first.text("access_token"), next.text("access_token"))
		refresh = append(refresh, first.text("refresh_token"), next.text("refresh_token"))
		running, ended = append(running, e.approvedApp(t)), append(ended, a)
	}
	subject := r.all[0].subjectOf(t, access[0])
	logins, err := r.all[revoker].Gateway.RevokeSubject(t.Context(), subject)
	if logins != len(r.all) || err != nil {
		t.Errorf("%d logins ended, %v; want %d", logins, err, len(r.all))
	}
	for _, token := range refresh {
		login, _, _ := strings.Cut(token, "~")
		if _, err := r.Config.Store.LoadFamily(t.Context(), login); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a family is left: %v", err)
		}
	}
	for _, wait := range []time.Duration{0, time.Minute, 10 * time.Minute} {
		pass(wait)
		for i, e := range r.all {
			for _, token := range access {
				if got := e.get("/api", token); got.Code != http.StatusUnauthorized {
					t.Errorf("replica %d after %v: an access token gets %d", i, wait, got.Code)
				}
			}
			for _, token := range refresh {
				if got := e.refresh(token); got.problem() != "invalid_grant" {
					t.Errorf("replica %d after %v: a refresh token gets %d %s", i, wait, got.Code, got.Body)
				}
			}
			for _, a := range append(running, ended...) {
				if got := a.at(e).redeem(); got.problem() != "invalid_grant" {
					t.Errorf("replica %d after %v: what was under way gets %d %s", i, wait, got.Code, got.Body)
				}
			}
			loginAgain(t, r, e)
		}
	}
	logins, err = r.all[revoker].Gateway.RevokeSubject(t.Context(), subject)
	if want := 3 * len(r.all) * len(r.all); logins != want || err != nil {
		t.Errorf("the second time %d logins ended, %v; want those of the logins since, %d", logins, err, want)
	}
}

// loginAgain starts logins of the revoked user at one replica and finishes one at each replica.
func loginAgain(t *testing.T, r *replicas, start *env) {
	t.Helper()
	for i, e := range r.all {
		got := start.approvedApp(t).at(e).redeem()
		if got.Code != http.StatusOK {
			t.Fatalf("logging in again: %d %s", got.Code, got.Body)
		}
		next := e.refresh(got.text("refresh_token"))
		for j, other := range r.all {
			for _, token := range []string{got.text("access_token"), next.text("access_token")} {
				if used := other.get("/api", token); used.Code != http.StatusTeapot {
					t.Errorf("finished at %d, used at %d: %d %s", i, j, used.Code, used.Body)
				}
			}
		}
	}
}
