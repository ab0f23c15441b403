package gateway

import (
	"context"
	"sync/atomic"
	"time"
)

// Order is what a gateway has learned about when Signicat shows SUCCESS: only after a code was
// validated, or as soon as the person approved.
//
// It decides one thing. When the answer to a validation is lost, a session that shows SUCCESS
// tells that the code was good only if SUCCESS waits for the validation. Otherwise whoever
// started a login could send a made-up code while Signicat has trouble and be handed the
// session of a person who approved meanwhile.
//
// Unverified: Signicat does not document the order, so it is observed: a read after the person
// approved and before the code is sent tells it, once.
//
// The zero value knows nothing, and as long as nothing is known a SUCCESS proves nothing.
type Order struct{ state atomic.Uint32 }

const (
	orderUnknown   uint32 = iota
	orderValidated        // SUCCESS waits for the validation
	orderApproved         // SUCCESS was seen before: it proves nothing
)

// known reports whether the order needs no more observing.
func (o *Order) known() bool { return o.state.Load() != orderUnknown }

// conclusive reports whether a SUCCESS is as good as the validation's own answer.
func (o *Order) conclusive() bool { return o.state.Load() == orderValidated }

// prove notes a session that was unfinished although the person had approved.
func (o *Order) prove() { o.state.CompareAndSwap(orderUnknown, orderValidated) }

// disprove notes a SUCCESS before its code was sent. It is final.
func (o *Order) disprove() { o.state.Store(orderApproved) }

const (
	// orderKept is for how long replicas tell each other what one of them has learned.
	orderKept = 30 * 24 * time.Hour
	// orderSaid is what the store keeps; that it is there is all that counts.
	orderSaid = "yes"
)

// orderKey names what was learned of one Signicat: a simulator's order is not Signicat's.
func (g *Gateway) orderKey(what string) string {
	return "order:" + g.config.Signicat.APIURL + ":" + what
}

// recallOrder takes over what another replica has learned. A store that cannot tell leaves the
// order unknown, which is safe.
func (g *Gateway) recallOrder(ctx context.Context) {
	order := g.config.Order
	if order.known() {
		return
	}
	if said, err := g.store.Recall(ctx, g.orderKey("approved")); err == nil && said == orderSaid {
		order.disprove()
		return
	}
	if said, err := g.store.Recall(ctx, g.orderKey("validated")); err == nil && said == orderSaid {
		order.prove()
	}
}

// proveOrder notes, for every replica, that SUCCESS waits for the validation.
func (g *Gateway) proveOrder(ctx context.Context) {
	if g.config.Order.known() {
		return
	}
	g.config.Order.prove()
	g.tellOrder(ctx, "validated")
}

// disproveOrder notes, for every replica, that it does not.
func (g *Gateway) disproveOrder(ctx context.Context) {
	g.config.Order.disprove()
	g.tellOrder(ctx, "approved")
}

func (g *Gateway) tellOrder(ctx context.Context, what string) {
	if _, err := g.store.Remember(context.WithoutCancel(ctx), g.orderKey(what), orderSaid, orderKept); err != nil {
		g.log.WarnContext(ctx, "telling other replicas when Signicat shows SUCCESS", errorAttr(err))
	}
}
