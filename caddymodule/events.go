package caddymodule

import (
	"context"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/metrics"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// The events that gateways emit through Caddy's app events. All have the member gateway.
const (
	// EventLoginStarted is emitted when a login has started and the user can open itsme. Members
	// session_id, kind.
	EventLoginStarted = "itsme_login_started"
	// EventLoginSucceeded is emitted when a login ends with a token. Members session_id, kind, reason,
	// duration_seconds, sub.
	EventLoginSucceeded = "itsme_login_succeeded"
	// EventLoginFailed is emitted when a login ends without a token. A login that could not start is no
	// event: with refused starts, one client could fill the queue and displace the events of others.
	// Members session_id, kind, outcome, reason, duration_seconds.
	EventLoginFailed = "itsme_login_failed"
	// EventTokenRevoked is emitted when a token, a login or all logins of a user are revoked through this
	// replica. Members scope (token, login or subject) and id, which is a jti, the login in it, or a sub.
	EventTokenRevoked = "itsme_token_revoked"
	// EventKeysRotated is emitted when this replica begins to use other keys, or when an operator rotates
	// them through this replica. Members kid, of the key that signs, and cause: in_force or requested.
	EventKeysRotated = "itsme_keys_rotated"
)

// maxEvents bounds the events that wait for handlers. Further events are dropped and counted.
const maxEvents = 1024

// announcer emits events in their order, in a goroutine of its own. Caddy runs event handlers in the
// goroutine that emits the event: a slow handler must not delay a request.
type announcer struct {
	ctx    caddy.Context // of the configuration, valid until after its Stop
	events *caddyevents.App
	queue  chan event
	ended  chan struct{} // closed by end
	end    func()
	work   sync.WaitGroup
}

type event struct {
	name string
	data map[string]any
	of   *metrics.Meter // counts it when it is dropped
}

// newAnnouncer returns an announcer. It begins to emit when Caddy has started every app, because only then
// all handlers have subscribed. Until then it has no goroutine.
func newAnnouncer(ctx caddy.Context) (*announcer, error) {
	module, err := ctx.App("events")
	if err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	a := &announcer{
		ctx: ctx, events: module.(*caddyevents.App), queue: make(chan event, maxEvents), ended: ended, end: sync.OnceFunc(func() { close(ended) }),
	}
	return a, a.events.On("started", onEvent{func() { a.work.Go(a.run) }})
}

// endLongPollsBeforeStop makes the gateways answer all waiting status requests when Caddy is about to stop a
// configuration. Caddy stops its apps in any order, and its servers wait for every running request:
// otherwise one long poll would delay the shutdown.
func (a *App) endLongPollsBeforeStop() error {
	return a.events.events.On("stopping", onEvent{func() {
		for _, i := range a.instances {
			i.gateway.EndLongPolls()
		}
	}})
}

// onEvent handles an event of Caddy. Its field is not exported because Caddy logs the exported fields of handlers.
type onEvent struct{ do func() }

// Handle implements caddyevents.Handler.
func (o onEvent) Handle(context.Context, caddy.Event) error {
	o.do()
	return nil
}

// announce queues an event. It drops and counts the event if the queue is full, or if the configuration is
// being stopped.
func (a *announcer) announce(e event) {
	select {
	case <-a.ended:
		e.of.EventDropped()
		return
	default:
	}
	select {
	case a.queue <- e:
	default:
		e.of.EventDropped()
	}
}

// run emits events until end, and then those that are left.
func (a *announcer) run() {
	emit := func(e event) { a.events.Emit(a.ctx, e.name, e.data) }
	for {
		select {
		case e := <-a.queue:
			emit(e)
		case <-a.ended:
			for len(a.queue) > 0 { // no other goroutine receives
				emit(<-a.queue)
			}
			return
		}
	}
}

// close emits the queued events until ctx is done. Later events are dropped.
func (a *announcer) close(ctx context.Context) {
	a.end()
	emitted := make(chan struct{})
	go func() {
		a.work.Wait()
		close(emitted)
	}()
	select {
	case <-emitted:
	case <-ctx.Done():
	}
}

// login announces a step of a login, if that step is an event.
func (a *announcer) login(gatewayName string, m *metrics.Meter, s gateway.LoginStep) {
	data := map[string]any{"gateway": gatewayName, "session_id": s.SessionID, "kind": s.Kind}
	e := event{data: data, of: m}
	switch {
	case s.Stage == gateway.LoginStarted:
		e.name = EventLoginStarted
	case s.Stage == gateway.LoginEnded && s.Outcome == store.Issued.String():
		e.name = EventLoginSucceeded
		data["sub"] = s.Subject
	case s.Stage == gateway.LoginEnded:
		e.name = EventLoginFailed
		data["outcome"] = s.Outcome
	default:
		return
	}
	if s.Stage != gateway.LoginStarted {
		data["reason"], data["duration_seconds"] = s.Reason, s.Duration.Seconds()
	}
	a.announce(e)
}

func (a *announcer) revocation(gatewayName string, m *metrics.Meter, v store.Revocation) {
	a.announce(event{EventTokenRevoked, map[string]any{"gateway": gatewayName, "scope": metrics.Scope(v.Scope), "id": v.ID}, m})
}

func (a *announcer) rotation(gatewayName string, m *metrics.Meter, kid, cause string) {
	a.announce(event{EventKeysRotated, map[string]any{"gateway": gatewayName, "kid": kid, "cause": cause}, m})
}

var _ caddyevents.Handler = onEvent{}
