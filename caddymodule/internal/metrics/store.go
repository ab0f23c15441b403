package metrics

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

// storeOK is the outcome of an operation that succeeded. storeOther is that of an error for which package
// pending has no name.
const (
	storeOK    = "ok"
	storeOther = "other"
)

// storeOutcomes are the label values of operations that failed.
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

// storeOperations are the operations that are timed.
var storeOperations = []string{
	"create", "load", "update", "remember", "recall", "allow", "revoke", "enroll", "withdraw", "withdraw_all", "len",
	"create_family", "load_family", "update_family", "delete_family",
}

// operation records the duration and the outcome of an operation.
func (m *Meter) operation(name string, began time.Time, err *error) {
	m.operations.WithLabelValues(name, storeOutcome(*err)).Observe(time.Since(began).Seconds())
}

// Store returns a store whose operations are timed. Revoked is not timed: it is a look-up in memory for
// nearly every request, and its failures are counted as verifications.
func (m *Meter) Store(s pending.Store) pending.Store { return meteredStore{s, m} }

// Families returns a store of families whose operations are timed.
func (m *Meter) Families(f pending.Families) pending.Families { return meteredFamilies{f, m} }

type meteredStore struct {
	pending.Store
	meter *Meter
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

type meteredFamilies struct {
	families pending.Families
	meter    *Meter
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
