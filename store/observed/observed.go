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

// observer implements [store.Store]. The methods that are not here are not observed.
type observer struct {
	store.Store
	begin Begin
}

func (o observer) Create(ctx context.Context, r *store.Record, b store.Bounds) (evicted []string, err error) {
	ctx, end := o.begin(ctx, "create")
	defer func() { end(err) }()
	return o.Store.Create(ctx, r, b)
}

func (o observer) Load(ctx context.Context, id string) (r *store.Record, err error) {
	ctx, end := o.begin(ctx, "load")
	defer func() { end(err) }()
	return o.Store.Load(ctx, id)
}

func (o observer) Update(ctx context.Context, r *store.Record) (err error) {
	ctx, end := o.begin(ctx, "update")
	defer func() { end(err) }()
	return o.Store.Update(ctx, r)
}

func (o observer) Len(ctx context.Context) (n int, err error) {
	ctx, end := o.begin(ctx, "len")
	defer func() { end(err) }()
	return o.Store.Len(ctx)
}

func (o observer) CreateFamily(ctx context.Context, f *store.Family) (err error) {
	ctx, end := o.begin(ctx, "create_family")
	defer func() { end(err) }()
	return o.Store.CreateFamily(ctx, f)
}

func (o observer) LoadFamily(ctx context.Context, id string) (f *store.Family, err error) {
	ctx, end := o.begin(ctx, "load_family")
	defer func() { end(err) }()
	return o.Store.LoadFamily(ctx, id)
}

func (o observer) UpdateFamily(ctx context.Context, f *store.Family) (err error) {
	ctx, end := o.begin(ctx, "update_family")
	defer func() { end(err) }()
	return o.Store.UpdateFamily(ctx, f)
}

func (o observer) DeleteFamily(ctx context.Context, id string) (err error) {
	ctx, end := o.begin(ctx, "delete_family")
	defer func() { end(err) }()
	return o.Store.DeleteFamily(ctx, id)
}

func (o observer) Enroll(ctx context.Context, subject, login string, until time.Time) (err error) {
	ctx, end := o.begin(ctx, "enroll")
	defer func() { end(err) }()
	return o.Store.Enroll(ctx, subject, login, until)
}

func (o observer) Withdraw(ctx context.Context, subject, login string) (err error) {
	ctx, end := o.begin(ctx, "withdraw")
	defer func() { end(err) }()
	return o.Store.Withdraw(ctx, subject, login)
}

func (o observer) WithdrawAll(ctx context.Context, subject string) (logins []string, err error) {
	ctx, end := o.begin(ctx, "withdraw_all")
	defer func() { end(err) }()
	return o.Store.WithdrawAll(ctx, subject)
}

func (o observer) Revoke(ctx context.Context, v store.Revocation) (err error) {
	ctx, end := o.begin(ctx, "revoke")
	defer func() { end(err) }()
	return o.Store.Revoke(ctx, v)
}

func (o observer) Confirm(ctx context.Context, v store.Revocation) (err error) {
	ctx, end := o.begin(ctx, "confirm")
	defer func() { end(err) }()
	return o.Store.Confirm(ctx, v)
}

func (o observer) Allow(ctx context.Context, quotas ...store.Quota) (wait time.Duration, err error) {
	ctx, end := o.begin(ctx, "allow")
	defer func() { end(err) }()
	return o.Store.Allow(ctx, quotas...)
}

func (o observer) Remember(ctx context.Context, key, value string, ttl time.Duration) (kept string, err error) {
	ctx, end := o.begin(ctx, "remember")
	defer func() { end(err) }()
	return o.Store.Remember(ctx, key, value, ttl)
}

func (o observer) Recall(ctx context.Context, key string) (kept string, err error) {
	ctx, end := o.begin(ctx, "recall")
	defer func() { end(err) }()
	return o.Store.Recall(ctx, key)
}
