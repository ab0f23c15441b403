// Package observed wraps a store and reports its operations, for spans and metrics.
package observed

import (
	"context"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// Begin is called when an operation begins, with its name as in [Operations]. The operation goes on with
// the context that Begin returns. The function that it returns is called with the error of the
// operation, nil when there is none, when it ends.
type Begin func(ctx context.Context, operation string) (context.Context, func(error))

// Operations returns the names of the operations that are observed, such as create and load_family.
//
// Revoked and Mark are not observed: they read memory, and nearly every request calls Revoked.
func Operations() []string {
	return []string{
		"create", "load", "update", "len",
		"create_family", "load_family", "update_family", "delete_family", "enroll", "withdraw", "withdraw_all",
		"revoke", "confirm",
		"allow", "remember", "recall",
	}
}

// Store returns a store that calls begin for each operation of s.
func Store(s store.Store, begin Begin) store.Store { return observer{s, begin} }

type observer struct {
	store.Store
	begin Begin
}

// Create implements [store.Logins].
func (o observer) Create(ctx context.Context, r *store.Record, b store.Bounds) (evicted []string, err error) {
	ctx, end := o.begin(ctx, "create")
	defer func() { end(err) }()
	return o.Store.Create(ctx, r, b)
}

// Load implements [store.Logins].
func (o observer) Load(ctx context.Context, id string) (r *store.Record, err error) {
	ctx, end := o.begin(ctx, "load")
	defer func() { end(err) }()
	return o.Store.Load(ctx, id)
}

// Update implements [store.Logins].
func (o observer) Update(ctx context.Context, r *store.Record) (err error) {
	ctx, end := o.begin(ctx, "update")
	defer func() { end(err) }()
	return o.Store.Update(ctx, r)
}

// Len implements [store.Logins].
func (o observer) Len(ctx context.Context) (n int, err error) {
	ctx, end := o.begin(ctx, "len")
	defer func() { end(err) }()
	return o.Store.Len(ctx)
}

// CreateFamily implements [store.Families].
func (o observer) CreateFamily(ctx context.Context, f *store.Family) (err error) {
	ctx, end := o.begin(ctx, "create_family")
	defer func() { end(err) }()
	return o.Store.CreateFamily(ctx, f)
}

// LoadFamily implements [store.Families].
func (o observer) LoadFamily(ctx context.Context, id string) (f *store.Family, err error) {
	ctx, end := o.begin(ctx, "load_family")
	defer func() { end(err) }()
	return o.Store.LoadFamily(ctx, id)
}

// UpdateFamily implements [store.Families].
func (o observer) UpdateFamily(ctx context.Context, f *store.Family) (err error) {
	ctx, end := o.begin(ctx, "update_family")
	defer func() { end(err) }()
	return o.Store.UpdateFamily(ctx, f)
}

// DeleteFamily implements [store.Families].
func (o observer) DeleteFamily(ctx context.Context, id string) (err error) {
	ctx, end := o.begin(ctx, "delete_family")
	defer func() { end(err) }()
	return o.Store.DeleteFamily(ctx, id)
}

// Enroll implements [store.Families].
func (o observer) Enroll(ctx context.Context, subject, login string, until time.Time) (err error) {
	ctx, end := o.begin(ctx, "enroll")
	defer func() { end(err) }()
	return o.Store.Enroll(ctx, subject, login, until)
}

// Withdraw implements [store.Families].
func (o observer) Withdraw(ctx context.Context, subject, login string) (err error) {
	ctx, end := o.begin(ctx, "withdraw")
	defer func() { end(err) }()
	return o.Store.Withdraw(ctx, subject, login)
}

// WithdrawAll implements [store.Families].
func (o observer) WithdrawAll(ctx context.Context, subject string) (logins []string, err error) {
	ctx, end := o.begin(ctx, "withdraw_all")
	defer func() { end(err) }()
	return o.Store.WithdrawAll(ctx, subject)
}

// Revoke implements [store.Revocations].
func (o observer) Revoke(ctx context.Context, v store.Revocation) (err error) {
	ctx, end := o.begin(ctx, "revoke")
	defer func() { end(err) }()
	return o.Store.Revoke(ctx, v)
}

// Confirm implements [store.Revocations].
func (o observer) Confirm(ctx context.Context, v store.Revocation) (err error) {
	ctx, end := o.begin(ctx, "confirm")
	defer func() { end(err) }()
	return o.Store.Confirm(ctx, v)
}

// Allow implements [store.Limits].
func (o observer) Allow(ctx context.Context, quotas ...store.Quota) (wait time.Duration, err error) {
	ctx, end := o.begin(ctx, "allow")
	defer func() { end(err) }()
	return o.Store.Allow(ctx, quotas...)
}

// Remember implements [store.Limits].
func (o observer) Remember(ctx context.Context, key, value string, ttl time.Duration) (kept string, err error) {
	ctx, end := o.begin(ctx, "remember")
	defer func() { end(err) }()
	return o.Store.Remember(ctx, key, value, ttl)
}

// Recall implements [store.Limits].
func (o observer) Recall(ctx context.Context, key string) (kept string, err error) {
	ctx, end := o.begin(ctx, "recall")
	defer func() { end(err) }()
	return o.Store.Recall(ctx, key)
}
