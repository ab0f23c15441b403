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

// apart are replicas of one gateway, on one store, whose clocks differ.
type apart struct {
	*bubble
	ahead    []time.Duration
	replicas []*bubble
}

// openApart starts them, each so far ahead.
func openApart(t *testing.T, ahead ...time.Duration) *apart {
	t.Helper()
	b := openBubble(t, func(c *gateway.Config, _ *signicattest.Config) {
		memory := store.NewMemory(time.Now)
		t.Cleanup(func() { _ = memory.Close() })
		c.Store, c.Token.Refresh = memory, 30*24*time.Hour
	}, roomy)
	a := &apart{bubble: b, ahead: ahead}
	for _, d := range ahead {
		replica := *b
		replica.Config.Now = func() time.Time { return time.Now().Add(d) }
		replica.Restart(t)
		a.replicas = append(a.replicas, &replica)
	}
	return a
}

// at moves a phone to another replica.
func (p *phone) at(b *bubble) *phone {
	p.bubble = b
	return p
}

func (b *bubble) refresh(token string) reply {
	return b.post("/token", "application/x-www-form-urlencoded", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}.Encode())
}

// subjectOf asks who an access token is of.
func (b *bubble) subjectOf(t *testing.T, access string) string {
	t.Helper()
	answer := b.get(logintest.Path+"/userinfo", access)
	if answer.text("sub") == "" {
		t.Fatalf("userinfo: %d %s", answer.Code, answer.Body)
	}
	return answer.text("sub")
}

// TestRevokedSubjectIsRefusedEverywhere revokes a user at a replica whose clock differs from those of
// the others, by up to what is documented. Nothing that any replica issued before works at any of them;
// what is under way ends. The user can log in again at once, at every replica, and every replica accepts
// what that login gets.
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
				synctest.Test(t, func(t *testing.T) { revokeApart(t, openApart(t, ahead...), revoker) })
			})
		}
	}
}

func revokeApart(t *testing.T, a *apart, revoker int) {
	var access, refresh []string
	var running, ended []*phone
	for i, b := range a.replicas {
		p := b.begun(t)
		first := p.redeem()
		next := a.replicas[(i+1)%len(a.replicas)].refresh(first.text("refresh_token"))
		if first.Code != http.StatusOK || next.Code != http.StatusOK {
			t.Fatalf("logging in: %d %s, %d %s", first.Code, first.Body, next.Code, next.Body)
		}
		access = append(access, first.text("access_token"), next.text("access_token"))
		refresh = append(refresh, first.text("refresh_token"), next.text("refresh_token"))
		running, ended = append(running, b.begun(t)), append(ended, p)
	}
	subject := a.replicas[0].subjectOf(t, access[0])
	logins, err := a.replicas[revoker].Gateway.RevokeSubject(t.Context(), subject)
	if logins != len(a.replicas) || err != nil {
		t.Errorf("%d logins ended, %v; want %d", logins, err, len(a.replicas))
	}
	for _, token := range refresh {
		login, _, _ := strings.Cut(token, "~")
		if _, err := a.Config.Store.LoadFamily(t.Context(), login); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a family is left: %v", err)
		}
	}
	for _, wait := range []time.Duration{0, time.Minute, 10 * time.Minute} {
		pass(wait)
		for i, b := range a.replicas {
			for _, token := range access {
				if got := b.get("/api", token); got.Code != http.StatusUnauthorized {
					t.Errorf("replica %d after %v: an access token gets %d", i, wait, got.Code)
				}
			}
			for _, token := range refresh {
				if got := b.refresh(token); got.problem() != "invalid_grant" {
					t.Errorf("replica %d after %v: a refresh token gets %d %s", i, wait, got.Code, got.Body)
				}
			}
			for _, p := range append(running, ended...) {
				if got := p.at(b).redeem(); got.problem() != "invalid_grant" {
					t.Errorf("replica %d after %v: what was under way gets %d %s", i, wait, got.Code, got.Body)
				}
			}
			loginAgain(t, a, b)
		}
	}
	logins, err = a.replicas[revoker].Gateway.RevokeSubject(t.Context(), subject)
	if want := 3 * len(a.replicas) * len(a.replicas); logins != want || err != nil {
		t.Errorf("the second time %d logins ended, %v; want those of the logins since, %d", logins, err, want)
	}
}

// loginAgain logs the user in that was revoked, starting at a replica and finishing at each.
func loginAgain(t *testing.T, a *apart, start *bubble) {
	t.Helper()
	for i, b := range a.replicas {
		got := start.begun(t).at(b).redeem()
		if got.Code != http.StatusOK {
			t.Fatalf("logging in again: %d %s", got.Code, got.Body)
		}
		next := b.refresh(got.text("refresh_token"))
		for j, other := range a.replicas {
			for _, token := range []string{got.text("access_token"), next.text("access_token")} {
				if used := other.get("/api", token); used.Code != http.StatusTeapot {
					t.Errorf("finished at %d, used at %d: %d %s", i, j, used.Code, used.Body)
				}
			}
		}
	}
}
