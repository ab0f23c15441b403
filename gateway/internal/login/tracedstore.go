package login

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/caddy-itsme/caddy-itsme/internal/span"
	"github.com/caddy-itsme/caddy-itsme/pending"
)

// tracedStore is a store with a span for each operation but Revoked, which every request asks, and
// which a store answers from memory.
type tracedStore struct {
	pending.Store
	families pending.Families
}

// Traced returns a store, and families unless they are nil, whose operations have spans.
func Traced(store pending.Store, families pending.Families) (pending.Store, pending.Families) {
	t := tracedStore{store, families}
	if families == nil {
		return t, nil
	}
	return t, t
}

// Create implements [pending.Store].
func (t tracedStore) Create(ctx context.Context, r *pending.Record, b pending.Bounds) (evicted []string, err error) {
	ctx, s := span.Start(ctx, spanStore+"create")
	defer func() { endStore(s, err) }()
	return t.Store.Create(ctx, r, b)
}

// Load implements [pending.Store].
func (t tracedStore) Load(ctx context.Context, id string) (r *pending.Record, err error) {
	ctx, s := span.Start(ctx, spanStore+"load")
	defer func() { endStore(s, err) }()
	return t.Store.Load(ctx, id)
}

// Update implements [pending.Store].
func (t tracedStore) Update(ctx context.Context, r *pending.Record) (err error) {
	ctx, s := span.Start(ctx, spanStore+"update")
	defer func() { endStore(s, err) }()
	return t.Store.Update(ctx, r)
}

// Remember implements [pending.Store].
func (t tracedStore) Remember(ctx context.Context, key, value string, ttl time.Duration) (kept string, err error) {
	ctx, s := span.Start(ctx, spanStore+"remember")
	defer func() { endStore(s, err) }()
	return t.Store.Remember(ctx, key, value, ttl)
}

// Recall implements [pending.Store].
func (t tracedStore) Recall(ctx context.Context, key string) (kept string, err error) {
	ctx, s := span.Start(ctx, spanStore+"recall")
	defer func() { endStore(s, err) }()
	return t.Store.Recall(ctx, key)
}

// Allow implements [pending.Store].
func (t tracedStore) Allow(ctx context.Context, key string, limit int, window time.Duration) (wait time.Duration, err error) {
	ctx, s := span.Start(ctx, spanStore+"allow")
	defer func() { endStore(s, err) }()
	return t.Store.Allow(ctx, key, limit, window)
}

// Revoke implements [pending.Store].
func (t tracedStore) Revoke(ctx context.Context, v pending.Revocation) (err error) {
	ctx, s := span.Start(ctx, spanStore+"revoke")
	defer func() { endStore(s, err) }()
	return t.Store.Revoke(ctx, v)
}

// Enroll implements [pending.Store].
func (t tracedStore) Enroll(ctx context.Context, subject, login string, until time.Time) (err error) {
	ctx, s := span.Start(ctx, spanStore+"enroll")
	defer func() { endStore(s, err) }()
	return t.Store.Enroll(ctx, subject, login, until)
}

// Withdraw implements [pending.Store].
func (t tracedStore) Withdraw(ctx context.Context, subject, login string) (err error) {
	ctx, s := span.Start(ctx, spanStore+"withdraw")
	defer func() { endStore(s, err) }()
	return t.Store.Withdraw(ctx, subject, login)
}

// WithdrawAll implements [pending.Store].
func (t tracedStore) WithdrawAll(ctx context.Context, subject string) (logins []string, err error) {
	ctx, s := span.Start(ctx, spanStore+"withdraw_all")
	defer func() { endStore(s, err) }()
	return t.Store.WithdrawAll(ctx, subject)
}

// Len implements [pending.Store].
func (t tracedStore) Len(ctx context.Context) (n int, err error) {
	ctx, s := span.Start(ctx, spanStore+"len")
	defer func() { endStore(s, err) }()
	return t.Store.Len(ctx)
}

// CreateFamily implements [pending.Families].
func (t tracedStore) CreateFamily(ctx context.Context, f *pending.Family) (err error) {
	ctx, s := span.Start(ctx, spanStore+"create_family")
	defer func() { endStore(s, err) }()
	return t.families.CreateFamily(ctx, f)
}

// LoadFamily implements [pending.Families].
func (t tracedStore) LoadFamily(ctx context.Context, id string) (f *pending.Family, err error) {
	ctx, s := span.Start(ctx, spanStore+"load_family")
	defer func() { endStore(s, err) }()
	return t.families.LoadFamily(ctx, id)
}

// UpdateFamily implements [pending.Families].
func (t tracedStore) UpdateFamily(ctx context.Context, f *pending.Family) (err error) {
	ctx, s := span.Start(ctx, spanStore+"update_family")
	defer func() { endStore(s, err) }()
	return t.families.UpdateFamily(ctx, f)
}

// DeleteFamily implements [pending.Families].
func (t tracedStore) DeleteFamily(ctx context.Context, id string) (err error) {
	ctx, s := span.Start(ctx, spanStore+"delete_family")
	defer func() { endStore(s, err) }()
	return t.families.DeleteFamily(ctx, id)
}

// endStore ends the span of a store's operation. An unknown record, or another replica that was
// faster, is an answer and no error: clients that send made-up states would else paint traces red.
func endStore(s trace.Span, err error) {
	for _, answer := range []error{pending.ErrNotFound, pending.ErrExists, pending.ErrConflict} {
		if errors.Is(err, answer) {
			err = nil
		}
	}
	span.End(s, err, context.Canceled, context.DeadlineExceeded, pending.ErrFull, pending.ErrInvalid, pending.ErrUnavailable)
}
