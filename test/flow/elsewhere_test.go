package flow_test

import (
	"context"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// poll asks for the status of the login of a callback.
func (b *browsing) poll(back, query string) reply {
	r := httptest.NewRequest("GET", publicURL+logintest.Path+"/sessions/"+sessionIDOf(back)+query, nil)
	return b.send(withCookies(r, b.cookies))
}

// hears reports whether the status says that the login came back elsewhere.
func (b *browsing) hears(back string) bool {
	_, noted := b.poll(back, "").json["elsewhere"]
	return noted
}

// TestOwnBrowserHearsOfAnother: the callback of a login opens in another browser. The login's own browser hears
// of it. A client that knows the session_id alone does not, and neither does the other browser.
func TestOwnBrowserHearsOfAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		first, second, stranger := &browsing{env: e}, &browsing{env: e}, &browsing{env: e}
		back := first.begun(t)
		second.begun(t)
		before := first.poll(back, "")
		if first.hears(back) {
			t.Fatal("it hears of it before")
		}
		second.visit(back)
		for name, row := range map[string]struct {
			b    *browsing
			want bool
		}{"its own browser": {first, true}, "the other browser": {second, false}, "a client without a cookie": {stranger, false}} {
			if got := row.b.hears(back); got != row.want {
				t.Errorf("%s hears of it: %t", name, got)
			}
		}
		after := first.poll(back, "")
		delete(after.json, "elsewhere")
		if diff := cmp.Diff(before.json, after.json); diff != "" {
			t.Errorf("the note changed the login (-before +after):\n%s", diff)
		}
		if got := first.visit(back); sets(got) == "" {
			t.Fatalf("its own browser finishes the login: %d", got.Code)
		}
		if first.hears(back) {
			t.Error("it hears of it after the end")
		}
	})
}

// TestLoginThatCameBackElsewhereIsNotResumed: its user approved it already, so its link opens nothing. A page that is
// loaded again starts another.
func TestLoginThatCameBackElsewhereIsNotResumed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		first, second := &browsing{env: e}, &browsing{env: e}
		back := first.begun(t)
		again := "return_to=/account&resume=" + sessionIDOf(back)
		before := e.Signicat.Count("create_session")
		first.post("/login", again)
		if n := e.Signicat.Count("create_session") - before; n != 0 {
			t.Fatalf("%d sessions are started before", n)
		}
		second.visit(back)
		first.post("/login", again)
		if n := e.Signicat.Count("create_session") - before; n != 1 {
			t.Errorf("%d sessions are started after", n)
		}
	})
}

// TestMadeUpCookieHearsNothing: an attacker who knows a session_id sends a login cookie of that name.
func TestMadeUpCookieHearsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		first, attacker := &browsing{env: e}, &browsing{env: e}
		back := first.begun(t)
		attacker.visit(back)
		for _, c := range first.cookies {
			c := *c
			c.Value = "made-up"
			attacker.cookies = append(attacker.cookies, &c)
		}
		if attacker.hears(back) {
			t.Error("a made-up cookie hears of it")
		}
	})
}

// TestNoteEndsALongPoll: a page that waits hears of the other browser at once, here and at another replica. Later long
// polls do not wait, and say when to ask again.
func TestNoteEndsALongPoll(t *testing.T) {
	t.Parallel()
	for name, most := range map[string]time.Duration{"one replica": 0, "two replicas": maxLook + maxLook/5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				first := &browsing{env: e}
				back := first.begun(t)
				replica := *e
				if most > 0 {
					e.Restart(t)
				}
				waiting := &browsing{env: &replica, cookies: first.cookies}
				var page sync.WaitGroup
				var answered time.Time
				page.Go(func() {
					if _, noted := waiting.poll(back, "?wait=25s").json["elsewhere"]; !noted {
						t.Error("the long poll does not hear of it")
					}
					answered = time.Now()
				})
				pass(10 * time.Second)
				noted := time.Now()
				(&browsing{env: e}).visit(back)
				page.Wait()
				if late := answered.Sub(noted); late > most {
					t.Errorf("the long poll was answered %s after the note", late)
				}
				began := time.Now()
				next := first.poll(back, "?wait=25s")
				if took := time.Since(began); took > time.Second || next.Header().Get("Retry-After") != "2" {
					t.Errorf("the next long poll took %s, and asks for another after %q s", took, next.Header().Get("Retry-After"))
				}
			})
		})
	}
}

// writes counts what is remembered in a store.
type writes struct {
	store.Store
	kept *atomic.Int64
	read *atomic.Int64 // records
}

func (w writes) Load(ctx context.Context, id string) (*store.Record, error) {
	w.read.Add(1)
	return w.Store.Load(ctx, id)
}

func (w writes) Remember(ctx context.Context, key, value string, ttl time.Duration) (string, error) {
	before, _ := w.Recall(ctx, key)
	kept, err := w.Store.Remember(ctx, key, value, ttl)
	if err == nil && before == "" {
		w.kept.Add(1)
	}
	return kept, err
}

// TestLoginHasOneNote: an attacker opens the callback of a pending login a thousand times, and those of ended and
// unknown logins. The store keeps one value.
func TestLoginHasOneNote(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var kept, read atomic.Int64
		memory := store.NewMemory(time.Now)
		t.Cleanup(func() { _ = memory.Close() })
		e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) { c.Store = writes{memory, &kept, &read} })
		first, attacker := &browsing{env: e}, &browsing{env: e}
		ended := first.begun(t)
		first.visit(ended)
		back := first.begun(t)
		before := kept.Load()
		for range 1000 {
			attacker.visit(back)
			pass(time.Millisecond)
		}
		attacker.visit(ended)
		attacker.visit(callback + "?code=x&state=y")
		if n := kept.Load() - before; n != 1 {
			t.Errorf("%d values are kept", n)
		}
		pass(20 * time.Minute)
		if note, err := memory.Recall(t.Context(), "elsewhere:"+sessionIDOf(back)); err != nil || note != "" {
			t.Errorf("the note outlives its login: %q %v", note, err)
		}
	})
}

// TestRepeatedReturnWakesNoLongPolls: an attacker who waits for the attacker's own login with many long polls opens its
// callback again and again. The first time wakes them. Later each request reads the record once, for itself.
func TestRepeatedReturnWakesNoLongPolls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var kept, read atomic.Int64
		memory := store.NewMemory(time.Now)
		t.Cleanup(func() { _ = memory.Close() })
		e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) { c.Store = writes{memory, &kept, &read} })
		back := (&browsing{env: e}).begun(t)
		var polls sync.WaitGroup
		for range 50 {
			polls.Go(func() { (&browsing{env: e}).poll(back, "?wait=25s") })
		}
		synctest.Wait()
		before := read.Load()
		for range 100 {
			(&browsing{env: e}).visit(back)
			synctest.Wait()
		}
		if n := read.Load() - before; n > 300 {
			t.Errorf("100 requests read records %d times", n)
		}
		polls.Wait()
	})
}
