// Package observed wraps a store, so that spans and metrics see its operations.
package observed

import (
	"context"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

// Begin is called when an operation begins, with its name as in [Operations]. The operation goes on with
// the context that Begin returns. The function that it returns is called with the error of the
// operation, nil when there is none, when it ends.
type Begin func(ctx context.Context, operation string) (context.Context, func(error))

// Operations returns the names of the operations that are observed, such as create and load_family.
//
// Revoked and Mark are not: they are look-ups in memory, and nearly every request calls Revoked.
func Operations() []string {
	return []string{
		"create", "load", "update", "len",
		"create_family", "load_family", "update_family", "delete_family", "enroll", "withdraw", "withdraw_all",
		"revoke",
		"allow", "remember", "recall",
	}
}

// Store returns a store that does as s, and calls begin for each operation.
func Store(s pending.Store, begin Begin) pending.Store { return store{s, begin} }

type store struct {
	pending.Store
	begin Begin
}

// Create implements [pending.Logins].
func (s store) Create(ctx context.Context, r *pending.Record, b pending.Bounds) (evicted []string, err error) {
	ctx, end := s.begin(ctx, "create")
	defer func() { end(err) }()
	return s.Store.Create(ctx, r, b)
}

// Load implements [pending.Logins].
func (s store) Load(ctx context.Context, id string) (r *pending.Record, err error) {
	ctx, end := s.begin(ctx, "load")
	defer func() { end(err) }()
	return s.Store.Load(ctx, id)
}

// Update implements [pending.Logins].
func (s store) Update(ctx context.Context, r *pending.Record) (err error) {
	ctx, end := s.begin(ctx, "update")
	defer func() { end(err) }()
	return s.Store.Update(ctx, r)
}

// Len implements [pending.Logins].
func (s store) Len(ctx context.Context) (n int, err error) {
	ctx, end := s.begin(ctx, "len")
	defer func() { end(err) }()
	return s.Store.Len(ctx)
}

// CreateFamily implements [pending.Families].
func (s store) CreateFamily(ctx context.Context, f *pending.Family) (err error) {
	ctx, end := s.begin(ctx, "create_family")
	defer func() { end(err) }()
	return s.Store.CreateFamily(ctx, f)
}

// LoadFamily implements [pending.Families].
func (s store) LoadFamily(ctx context.Context, id string) (f *pending.Family, err error) {
	ctx, end := s.begin(ctx, "load_family")
	defer func() { end(err) }()
	return s.Store.LoadFamily(ctx, id)
}

// UpdateFamily implements [pending.Families].
func (s store) UpdateFamily(ctx context.Context, f *pending.Family) (err error) {
	ctx, end := s.begin(ctx, "update_family")
	defer func() { end(err) }()
	return s.Store.UpdateFamily(ctx, f)
}

// DeleteFamily implements [pending.Families].
func (s store) DeleteFamily(ctx context.Context, id string) (err error) {
	ctx, end := s.begin(ctx, "delete_family")
	defer func() { end(err) }()
	return s.Store.DeleteFamily(ctx, id)
}

// Enroll implements [pending.Families].
func (s store) Enroll(ctx context.Context, subject, login string, until time.Time) (err error) {
	ctx, end := s.begin(ctx, "enroll")
	defer func() { end(err) }()
	return s.Store.Enroll(ctx, subject, login, until)
}

// Withdraw implements [pending.Families].
func (s store) Withdraw(ctx context.Context, subject, login string) (err error) {
	ctx, end := s.begin(ctx, "withdraw")
	defer func() { end(err) }()
	return s.Store.Withdraw(ctx, subject, login)
}

// WithdrawAll implements [pending.Families].
func (s store) WithdrawAll(ctx context.Context, subject string) (logins []string, err error) {
	ctx, end := s.begin(ctx, "withdraw_all")
	defer func() { end(err) }()
	return s.Store.WithdrawAll(ctx, subject)
}

// Revoke implements [pending.Revocations].
func (s store) Revoke(ctx context.Context, v pending.Revocation) (err error) {
	ctx, end := s.begin(ctx, "revoke")
	defer func() { end(err) }()
	return s.Store.Revoke(ctx, v)
}

// Allow implements [pending.Limits].
func (s store) Allow(ctx context.Context, key string, limit int, window time.Duration) (wait time.Duration, err error) {
	ctx, end := s.begin(ctx, "allow")
	defer func() { end(err) }()
	return s.Store.Allow(ctx, key, limit, window)
}

// Remember implements [pending.Limits].
func (s store) Remember(ctx context.Context, key, value string, ttl time.Duration) (kept string, err error) {
	ctx, end := s.begin(ctx, "remember")
	defer func() { end(err) }()
	return s.Store.Remember(ctx, key, value, ttl)
}

// Recall implements [pending.Limits].
func (s store) Recall(ctx context.Context, key string) (kept string, err error) {
	ctx, end := s.begin(ctx, "recall")
	defer func() { end(err) }()
	return s.Store.Recall(ctx, key)
}
