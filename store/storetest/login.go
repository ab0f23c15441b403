package storetest

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/store"
)

func logins() []scenario {
	return []scenario{
		{"logins are withdrawn once, of their subject alone", withdrawsLogins},
		{"a login that was withdrawn by itself is not there", withdrawsOneLogin},
		{"a login is enrolled once", enrollsOnce},
		{"logins of a subject are bounded", loginsAreBounded},
		{"of many who withdraw at once one gets the logins", oneWithdraws},
	}
}

func enroll(t *testing.T, h Harness, subject, login string, lifetime time.Duration) {
	t.Helper()
	if err := h.Store.Enroll(t.Context(), subject, login, h.Now().Add(lifetime)); err != nil {
		t.Fatalf("enrolling %s: %v", login, err)
	}
}

// wantWithdrawn withdraws all logins of a subject and compares them.
func wantWithdrawn(t *testing.T, h Harness, subject string, want ...string) {
	t.Helper()
	got, err := h.Store.WithdrawAll(t.Context(), subject)
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("withdrawn of %s: %v (-want +got):\n%s", subject, err, diff)
	}
}

func withdrawsLogins(t *testing.T, h Harness) {
	wantWithdrawn(t, h, "person")
	enroll(t, h, "person", "a", time.Hour)
	enroll(t, h, "person", "b", 30*24*time.Hour)
	enroll(t, h, "other", "c", time.Hour)
	wantWithdrawn(t, h, "person", "a", "b")
	wantWithdrawn(t, h, "person")
	wantWithdrawn(t, h, "other", "c")
}

func withdrawsOneLogin(t *testing.T, h Harness) {
	enroll(t, h, "person", "a", time.Hour)
	enroll(t, h, "person", "b", time.Hour)
	for _, name := range []string{"a", "a", "unknown"} {
		if err := h.Store.Withdraw(t.Context(), "person", name); err != nil {
			t.Errorf("withdrawing %s: %v", name, err)
		}
	}
	if err := h.Store.Withdraw(t.Context(), "stranger", "b"); err != nil {
		t.Errorf("withdrawing another's: %v", err)
	}
	wantWithdrawn(t, h, "person", "b")
}

func enrollsOnce(t *testing.T, h Harness) {
	enroll(t, h, "person", "a", time.Hour)
	enroll(t, h, "person", "a", 2*time.Hour)
	wantWithdrawn(t, h, "person", "a")
	enroll(t, h, "person", "a", time.Hour)
	enroll(t, h, "person", "a", -time.Hour)
	wantWithdrawn(t, h, "person")
}

// loginsAreBounded enrolls the login that ends last in the middle: it must stay.
func loginsAreBounded(t *testing.T, h Harness) {
	enroll(t, h, "person", "first", time.Minute)
	enroll(t, h, "person", "last", 24*time.Hour)
	for i := range store.MaxLogins - 1 {
		enroll(t, h, "person", strconv.Itoa(i), time.Hour)
	}
	got, err := h.Store.WithdrawAll(t.Context(), "person")
	if len(got) != store.MaxLogins || slices.Contains(got, "first") || !slices.Contains(got, "last") || err != nil {
		t.Errorf("withdrawn are %d logins: %q, %v", len(got), got, err)
	}
}

func oneWithdraws(t *testing.T, h Harness) {
	enroll(t, h, "person", "a", time.Hour)
	counts := make(chan int, rivals)
	together(func(int) {
		got, err := h.Store.WithdrawAll(t.Context(), "person")
		if err != nil {
			t.Errorf("withdrawing: %v", err)
		}
		counts <- len(got)
	})
	close(counts)
	total := 0
	for n := range counts {
		total += n
	}
	if total != 1 {
		t.Errorf("%d got the login, want 1", total)
	}
}

func loginForgotten(t *testing.T, h Harness) {
	enroll(t, h, "person", "short", time.Minute)
	enroll(t, h, "person", "long", time.Hour)
	h.Advance(time.Minute + grain)
	wantWithdrawn(t, h, "person", "long")
	enroll(t, h, "person", "short", time.Minute)
	h.Advance(time.Minute + grain)
	wantWithdrawn(t, h, "person")
}
