package gateway

import "sync/atomic"

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
// The zero value knows nothing.
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

// disproved reports whether a SUCCESS was ever seen before its code was sent.
func (o *Order) disproved() bool { return o.state.Load() == orderApproved }

// prove notes a session that was unfinished although the person had approved.
func (o *Order) prove() { o.state.CompareAndSwap(orderUnknown, orderValidated) }

// disprove notes a SUCCESS before its code was sent. It is final.
func (o *Order) disprove() { o.state.Store(orderApproved) }
