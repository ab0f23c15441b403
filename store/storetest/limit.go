package storetest

import (
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

func limits() []scenario {
	return []scenario{
		{"as many events as the limit are allowed at once", allowsLimit},
		{"keys are counted apart", countsApart},
		{"a limit of nothing allows nothing", allowsNothing},
		{"no event waits for longer than the window that is asked for now", waitsForTheWindow},
		{"quotas of one owner are counted apart", namesCountApart},
		{"a full quota stops the count of those behind it", fullStopsTheCount},
		{"the first value is remembered", remembersFirst},
	}
}

// allow counts an event and returns how long to wait.
func allow(t *testing.T, h Harness, key string, limit int, window time.Duration) time.Duration {
	t.Helper()
	wait, err := h.Store.Allow(t.Context(), store.Quota{Owner: key, Limit: limit, Window: window})
	if err != nil {
		t.Fatalf("counting: %v", err)
	}
	return wait
}

func allowsLimit(t *testing.T, h Harness) {
	const limit, window = 5, 5 * time.Hour
	for i := range limit {
		if wait := allow(t, h, "key", limit, window); wait != 0 {
			t.Errorf("event %d has to wait %v", i, wait)
		}
	}
	for range 10 {
		if wait := allow(t, h, "key", limit, window); wait <= 0 || wait > window/limit {
			t.Errorf("an event over the limit waits %v, want up to %v", wait, window/limit)
		}
	}
}

func countsApart(t *testing.T, h Harness) {
	for _, key := range []string{"", "a", "a:b", "192.0.2.1", "2001:db8::/64"} {
		if wait := allow(t, h, key, 1, time.Hour); wait != 0 {
			t.Errorf("the first event of %q waits %v", key, wait)
		}
		if wait := allow(t, h, key, 1, time.Hour); wait == 0 {
			t.Errorf("the second event of %q is allowed", key)
		}
	}
}

func allowsNothing(t *testing.T, h Harness) {
	for _, limit := range []int{0, -1} {
		if wait := allow(t, h, "key", limit, time.Hour); wait <= 0 {
			t.Errorf("limit %d allows an event", limit)
		}
	}
	for _, window := range []time.Duration{0, -time.Hour} {
		if wait := allow(t, h, "key", 1, window); wait <= 0 {
			t.Errorf("window %v allows an event", window)
		}
	}
}

// waitsForTheWindow changes the limit: the next start must not wait for hours.
func waitsForTheWindow(t *testing.T, h Harness) {
	allow(t, h, "key", 1, 10*time.Hour)
	if wait := allow(t, h, "key", 1, time.Minute); wait <= 0 || wait > time.Minute {
		t.Errorf("an event waits %v, want up to a minute", wait)
	}
}

func namesCountApart(t *testing.T, h Harness) {
	seen := make(map[string]bool)
	for _, q := range []store.Quota{
		{Owner: "a"}, {Owner: "a", Name: "b"}, {Owner: "a", Name: "c"}, {Owner: "b", Name: "a"}, {Owner: "ab"}, {Name: "ab"}, {Owner: "a:b"},
	} {
		q.Limit, q.Window = 1, time.Hour
		for i, allowed := range []bool{true, false} {
			if wait, err := h.Store.Allow(t.Context(), q); err != nil || (wait == 0) != allowed {
				t.Errorf("event %d of %q, %q waits %v, %v", i, q.Owner, q.Name, wait, err)
			}
		}
		if key := q.Owner + "|" + q.Name; seen[key] {
			t.Errorf("%s is twice in the list", key)
		} else {
			seen[key] = true
		}
	}
	if wait, err := h.Store.Allow(t.Context()); err != nil || wait != 0 {
		t.Errorf("an event without a quota waits %v, %v", wait, err)
	}
}

// fullStopsTheCount counts starts of a client beyond its own limit. They take nothing from its network or
// from all clients.
func fullStopsTheCount(t *testing.T, h Harness) {
	quota := func(owner, name string, limit int) store.Quota {
		return store.Quota{Owner: owner, Name: name, Limit: limit, Window: time.Hour}
	}
	client, network, all := quota("network", "client", 2), quota("network", "", 3), quota("all", "", 3)
	count := func(name string, allowed bool, quotas ...store.Quota) {
		t.Helper()
		if wait, err := h.Store.Allow(t.Context(), quotas...); err != nil || (wait == 0) != allowed {
			t.Errorf("%s waits %v, %v", name, wait, err)
		}
	}
	for i := range 10 {
		count("the client", i < 2, client, network, all)
	}
	count("another client", true, quota("network", "other", 5), network, all)
	count("the network", false, quota("network", "other", 5), network, all)
	count("what is behind the full network", false, all)
	count("the client that a full network refused", true, quota("network", "other", 5))
}

// remember keeps a value, recalls it, and returns the kept one.
func remember(t *testing.T, h Harness, key, value string, ttl time.Duration) string {
	t.Helper()
	kept, err := h.Store.Remember(t.Context(), key, value, ttl)
	if err != nil {
		t.Fatalf("remembering: %v", err)
	}
	if recalled := recall(t, h, key); recalled != kept {
		t.Errorf("recalling %q gave %q, want %q", key, recalled, kept)
	}
	return kept
}

func recall(t *testing.T, h Harness, key string) string {
	t.Helper()
	kept, err := h.Store.Recall(t.Context(), key)
	if err != nil {
		t.Fatalf("recalling: %v", err)
	}
	return kept
}

func remembersFirst(t *testing.T, h Harness) {
	if kept := recall(t, h, "key"); kept != "" {
		t.Errorf("recalling what was not remembered gave %q", kept)
	}
	for _, row := range []struct{ key, value, want string }{
		{"key", "first", "first"},
		{"key", "second", "first"},
		{"key", "", "first"},
		{"other", "second", "second"},
		{"", "", ""},
		{"", "third", ""},
	} {
		if got := remember(t, h, row.key, row.value, time.Hour); got != row.want {
			t.Errorf("remembering %q under %q gave %q, want %q", row.value, row.key, got, row.want)
		}
	}
}
