package caddymodule

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

// storeOK and storeOther are the outcomes of an operation that succeeded, and of one that failed in
// a way that package pending does not name.
const (
	storeOK    = "ok"
	storeOther = "other"
)

// storeOutcomes are the words for what an operation can end in.
var storeOutcomes = []struct {
	err  error
	word string
}{
	{pending.ErrNotFound, "not_found"},
	{pending.ErrExists, "exists"},
	{pending.ErrConflict, "conflict"},
	{pending.ErrFull, "full"},
	{pending.ErrInvalid, "invalid"},
	{pending.ErrUnavailable, "unavailable"},
	{context.Canceled, "abandoned"},
	{context.DeadlineExceeded, "timeout"},
}

func storeOutcome(err error) string {
	if err == nil {
		return storeOK
	}
	for _, o := range storeOutcomes {
		if errors.Is(err, o.err) {
			return o.word
		}
	}
	return storeOther
}

// storeOperations are those whose time is taken.
var storeOperations = []string{
	"create", "load", "update", "remember", "recall", "allow", "revoke", "enroll", "withdraw", "withdraw_all", "len",
	"create_family", "load_family", "update_family", "delete_family",
}

// operation tells how long an operation took that began then.
func (m *meter) operation(name string, began time.Time, err *error) {
	m.operations.WithLabelValues(name, storeOutcome(*err)).Observe(time.Since(began).Seconds())
}

// meteredStore takes the time of a store's operations. It leaves Revoked alone, which is a look-up
// in memory for nearly every request; where that fails, a verification tells.
type meteredStore struct {
	pending.Store
	meter *meter
}

// Create implements pending.Store.
func (s meteredStore) Create(ctx context.Context, r *pending.Record, b pending.Bounds) (evicted []string, err error) {
	defer s.meter.operation("create", time.Now(), &err)
	return s.Store.Create(ctx, r, b)
}

// Load implements pending.Store.
func (s meteredStore) Load(ctx context.Context, id string) (r *pending.Record, err error) {
	defer s.meter.operation("load", time.Now(), &err)
	return s.Store.Load(ctx, id)
}

// Update implements pending.Store.
func (s meteredStore) Update(ctx context.Context, r *pending.Record) (err error) {
	defer s.meter.operation("update", time.Now(), &err)
	return s.Store.Update(ctx, r)
}

// Remember implements pending.Store.
func (s meteredStore) Remember(ctx context.Context, key, value string, ttl time.Duration) (kept string, err error) {
	defer s.meter.operation("remember", time.Now(), &err)
	return s.Store.Remember(ctx, key, value, ttl)
}

// Recall implements pending.Store.
func (s meteredStore) Recall(ctx context.Context, key string) (kept string, err error) {
	defer s.meter.operation("recall", time.Now(), &err)
	return s.Store.Recall(ctx, key)
}

// Allow implements pending.Store.
func (s meteredStore) Allow(ctx context.Context, key string, limit int, window time.Duration) (wait time.Duration, err error) {
	defer s.meter.operation("allow", time.Now(), &err)
	return s.Store.Allow(ctx, key, limit, window)
}

// Revoke implements pending.Store.
func (s meteredStore) Revoke(ctx context.Context, v pending.Revocation) (err error) {
	defer s.meter.operation("revoke", time.Now(), &err)
	return s.Store.Revoke(ctx, v)
}

// Enroll implements pending.Store.
func (s meteredStore) Enroll(ctx context.Context, subject, login string, until time.Time) (err error) {
	defer s.meter.operation("enroll", time.Now(), &err)
	return s.Store.Enroll(ctx, subject, login, until)
}

// Withdraw implements pending.Store.
func (s meteredStore) Withdraw(ctx context.Context, subject, login string) (err error) {
	defer s.meter.operation("withdraw", time.Now(), &err)
	return s.Store.Withdraw(ctx, subject, login)
}

// WithdrawAll implements pending.Store.
func (s meteredStore) WithdrawAll(ctx context.Context, subject string) (logins []string, err error) {
	defer s.meter.operation("withdraw_all", time.Now(), &err)
	return s.Store.WithdrawAll(ctx, subject)
}

// Len implements pending.Store.
func (s meteredStore) Len(ctx context.Context) (n int, err error) {
	defer s.meter.operation("len", time.Now(), &err)
	return s.Store.Len(ctx)
}

// meteredFamilies takes the time of what a store does with families.
type meteredFamilies struct {
	families pending.Families
	meter    *meter
}

// CreateFamily implements pending.Families.
func (s meteredFamilies) CreateFamily(ctx context.Context, f *pending.Family) (err error) {
	defer s.meter.operation("create_family", time.Now(), &err)
	return s.families.CreateFamily(ctx, f)
}

// LoadFamily implements pending.Families.
func (s meteredFamilies) LoadFamily(ctx context.Context, id string) (f *pending.Family, err error) {
	defer s.meter.operation("load_family", time.Now(), &err)
	return s.families.LoadFamily(ctx, id)
}

// UpdateFamily implements pending.Families.
func (s meteredFamilies) UpdateFamily(ctx context.Context, f *pending.Family) (err error) {
	defer s.meter.operation("update_family", time.Now(), &err)
	return s.families.UpdateFamily(ctx, f)
}

// DeleteFamily implements pending.Families.
func (s meteredFamilies) DeleteFamily(ctx context.Context, id string) (err error) {
	defer s.meter.operation("delete_family", time.Now(), &err)
	return s.families.DeleteFamily(ctx, id)
}
