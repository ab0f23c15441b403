package gateway

import (
	"context"

	"github.com/caddy-itsme/caddy-itsme/internal/span"
	"github.com/caddy-itsme/caddy-itsme/pending"
)

// tracedFamilies has a span for each operation, as tracedStore does.
type tracedFamilies struct{ pending.Families }

// CreateFamily implements [pending.Families].
func (t tracedFamilies) CreateFamily(ctx context.Context, f *pending.Family) (err error) {
	ctx, s := span.Start(ctx, spanStore+"create_family")
	defer func() { endStore(s, err) }()
	return t.Families.CreateFamily(ctx, f)
}

// LoadFamily implements [pending.Families].
func (t tracedFamilies) LoadFamily(ctx context.Context, id string) (f *pending.Family, err error) {
	ctx, s := span.Start(ctx, spanStore+"load_family")
	defer func() { endStore(s, err) }()
	return t.Families.LoadFamily(ctx, id)
}

// UpdateFamily implements [pending.Families].
func (t tracedFamilies) UpdateFamily(ctx context.Context, f *pending.Family) (err error) {
	ctx, s := span.Start(ctx, spanStore+"update_family")
	defer func() { endStore(s, err) }()
	return t.Families.UpdateFamily(ctx, f)
}

// DeleteFamily implements [pending.Families].
func (t tracedFamilies) DeleteFamily(ctx context.Context, id string) (err error) {
	ctx, s := span.Start(ctx, spanStore+"delete_family")
	defer func() { endStore(s, err) }()
	return t.Families.DeleteFamily(ctx, id)
}
