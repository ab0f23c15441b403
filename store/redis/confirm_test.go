package redis_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// brief is how long a call may take where a test waits for what does not come.
func brief(address string) redis.Config {
	c := config(address)
	c.Timeout = 10 * time.Second
	return c
}

// TestRevocationWaitsForTheStandby: what was revoked without an error is on the standby already.
func TestRevocationWaitsForTheStandby(t *testing.T) {
	t.Parallel()
	primary, standby := redistest.StartPair(t)
	awaitAcknowledged(t, primary)
	st := open(t, config(primary.Address))
	for i := range 20 {
		revokeConfirmed(t, st, strconv.Itoa(i))
		for _, key := range listsOf(t, standby) {
			if n, err := standby.Do(t, "LLEN", key).ToInt64(); err != nil || n != int64(i+1) {
				t.Fatalf("after %d revocations the standby has %d in %s, %v", i+1, n, key, err)
			}
		}
	}
	if n := commandCalls(t, primary, "wait"); n < 40 {
		t.Errorf("WAIT was sent %d times, want 40 or more", n)
	}
}

// revokeConfirmed revokes a login and a subject of that name. On a busy machine the standby takes its time.
func revokeConfirmed(t *testing.T, s *redis.Store, id string) {
	t.Helper()
	for _, scope := range []store.Scope{store.ScopeLogin, store.ScopeSubject} {
		v := store.Revocation{Scope: scope, ID: id, Until: time.Now().Add(time.Hour)}
		err := s.Revoke(t.Context(), v)
		redistest.Until(t, "the standby confirms", func() bool {
			if err != nil {
				err = s.Confirm(t.Context(), v)
			}
			return err == nil
		})
	}
}

// TestOneServerIsNotWaitedFor: where no standby is connected, there is none to wait for.
func TestOneServerIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	st := open(t, config(s.Address))
	revokeBoth(t, st, "a")
	if n := commandCalls(t, s, "wait"); n != 0 {
		t.Errorf("WAIT was sent %d times", n)
	}
}

func commandCalls(t *testing.T, s *redistest.Server, name string) int {
	t.Helper()
	found := regexp.MustCompile(`cmdstat_` + name + `:calls=(\d+)`).FindStringSubmatch(s.Text(t, "INFO", "commandstats"))
	if found == nil {
		return 0
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWhatNoStandbyConfirms: the link to the standby is slow, and the primary could die before the standby
// has what is on the way. Each change whose
// loss would let a client back in is in force, and the answer is that it is not confirmed, until it is.
func TestWhatNoStandbyConfirms(t *testing.T) {
	t.Parallel()
	login := store.Revocation{Scope: store.ScopeLogin, ID: "a", Until: time.Now().Add(time.Hour)}
	subject := store.Revocation{Scope: store.ScopeSubject, ID: "a", Until: time.Now().Add(time.Hour)}
	drop := func(s *redis.Store) error {
		return s.Documents().Update(t.Context(), "dropped", func([]byte) ([]byte, error) { return []byte("a key"), nil })
	}
	for name, change := range map[string]struct{ first, again func(*redis.Store) error }{
		"a login's revocation": {
			func(s *redis.Store) error { return s.Revoke(t.Context(), login) },
			func(s *redis.Store) error { return s.Confirm(t.Context(), login) },
		},
		"a subject's revocation": {
			func(s *redis.Store) error { return s.Revoke(t.Context(), subject) },
			func(s *redis.Store) error { return s.Confirm(t.Context(), subject) },
		},
		"a dropped key": {drop, drop},
		"the end of a refreshable login": {
			func(s *redis.Store) error { return s.DeleteFamily(t.Context(), "family") },
			func(s *redis.Store) error { return s.DeleteFamily(t.Context(), "family") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			primary, link := startSlowPair(t)
			st, other := open(t, brief(primary.Address)), open(t, brief(primary.Address))
			if err := st.CreateFamily(t.Context(), family("family")); err != nil {
				t.Fatal(err)
			}
			awaitAcknowledged(t, primary)
			link.Hold()
			for attempt, change := range []func(*redis.Store) error{change.first, change.again} {
				if err := change(st); !errors.Is(err, store.ErrUnconfirmed) || !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("attempt %d: %v, want %v", attempt+1, err, store.ErrUnconfirmed)
				}
			}
			if strings.HasSuffix(name, "revocation") {
				for what, at := range map[string]*redis.Store{"this replica": st, "another": other} {
					var failed error
					redistest.Until(t, what+" refuses", func() bool {
						byLogin, err := at.Revoked(t.Context(), store.Credential{Login: "a"})
						bySubject, _ := at.Revoked(t.Context(), store.Credential{Subject: "a"})
						if fmt.Sprint(err) != fmt.Sprint(failed) {
							t.Log(what, time.Now(), err)
						}
						failed = err
						return byLogin || bySubject
					})
				}
			}
			link.LetGo()
			awaitAcknowledged(t, primary)
			if err := change.again(st); err != nil {
				t.Errorf("after the standby had it: %v", err)
			}
		})
	}
}

// startSlowPair starts a primary, and a standby that is connected to it by a line.
func startSlowPair(t *testing.T) (primary *redistest.Server, link *redistest.Line) {
	t.Helper()
	primary = redistest.Start(t, "--repl-diskless-sync-delay", "0")
	link = redistest.NewLine(t, primary.Address)
	_, port, err := net.SplitHostPort(link.Address)
	if err != nil {
		t.Fatal(err)
	}
	redistest.Start(t, "--replicaof", "127.0.0.1 "+port).AwaitSync(t)
	return primary, link
}

// logOut sends an access token to /logout.
func logOut(t *testing.T, url, access string) (status int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+logintest.Path+"/logout", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+access)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// awaitAcknowledged waits until the standby of a primary has what was written by now, and has said so a
// moment ago.
func awaitAcknowledged(t *testing.T, primary *redistest.Server) {
	t.Helper()
	number := func(pattern string) int {
		found := regexp.MustCompile(pattern).FindStringSubmatch(primary.Text(t, "INFO", "replication"))
		if found == nil {
			return -1
		}
		n, err := strconv.Atoi(found[1])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	written := number(`master_repl_offset:(\d+)`)
	redistest.Until(t, "the standby has everything", func() bool {
		return number(`slave0:\S*state=online,offset=(\d+),lag=[01]\s`) >= written
	})
}

// TestDeadStandbyIsNotWaitedFor: the primary keeps a standby that died in its list for a minute. Logouts do
// not take longer for so long.
func TestDeadStandbyIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	primary, standby := redistest.StartPair(t)
	st := open(t, brief(primary.Address))
	standby.Hang(t)
	silent := regexp.MustCompile(`slave0:\S*state=online\S*lag=(1[1-9]|[2-9]\d)`)
	redistest.Until(t, "the standby is silent", func() bool { return silent.MatchString(primary.Text(t, "INFO", "replication")) })
	revokeBoth(t, st, "a")
}

// TestUnconfirmedRevocationIsAnswered503: a client that revokes a token, or logs out, while no standby
// confirms gets 503. The token is refused from that moment on. The same request again is answered as usual
// once the standby has the revocation.
func TestUnconfirmedRevocationIsAnswered503(t *testing.T) {
	t.Parallel()
	primary, link := startSlowPair(t)
	r := openReplicasOn(t, brief(primary.Address), time.Now)[0]
	login := func() (app *logintest.App, access, refresh string) {
		app = r.NewApp()
		app.Start(t)
		code, state := app.Approve(t, "adult")
		got := app.Redeem(t, code, state)
		if got.Status != http.StatusOK {
			t.Fatalf("logging in: %d %s", got.Status, got.Body)
		}
		return app, got.Text("access_token"), got.Text("refresh_token")
	}
	app, first, _ := login()
	_, second, refresh := login()
	_, third, _ := login()
	awaitAcknowledged(t, primary)
	link.Hold()
	for what, got := range map[string]logintest.Answer{
		"revoking an access token": app.Post(t, "/revoke", url.Values{"token": {first}}),
		"revoking it again":        app.Post(t, "/revoke", url.Values{"token": {first}}),
		"revoking a refresh token": app.Post(t, "/revoke", url.Values{"token": {refresh}}),
	} {
		if got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d, Retry-After %q, want 503", what, got.Status, got.Header.Get("Retry-After"))
		}
	}
	if status := logOut(t, r.URL, third); status != http.StatusServiceUnavailable {
		t.Errorf("logging out: %d, want 503", status)
	}
	for what, access := range map[string]string{"the access token": first, "the login's": second, "the one that logged out": third} {
		if got := app.Call(t, "/api", access); got.Status != http.StatusUnauthorized {
			t.Errorf("%s gets %d", what, got.Status)
		}
	}
	link.LetGo()
	awaitAcknowledged(t, primary)
	for what, token := range map[string]string{"an access token": first, "a refresh token": refresh} {
		if got := app.Post(t, "/revoke", url.Values{"token": {token}}); got.Status != http.StatusOK {
			t.Errorf("revoking %s after the standby had it: %d %s", what, got.Status, got.Body)
		}
	}
}
