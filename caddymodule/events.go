package caddymodule

import (
	"context"
	"errors"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/metrics"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// The events that gateways emit through Caddy's app events. All have the member gateway.
const (
	// EventLoginStarted: a user can open itsme. Members session_id, kind.
	EventLoginStarted = "itsme_login_started"
	// EventLoginSucceeded: a login ended with a token. Members session_id, kind, reason,
	// duration_seconds, sub.
	EventLoginSucceeded = "itsme_login_succeeded"
	// EventLoginFailed: a login ended without one. A login that could not start is no event: a client
	// whose starts are refused must not crowd out the events of others. Members session_id, kind,
	// outcome, reason, duration_seconds.
	EventLoginFailed = "itsme_login_failed"
	// EventTokenRevoked: a token, a login or all logins of a user were revoked through this replica.
	// Members scope (token, login or subject) and id, which is a jti, the login in it, or a sub.
	EventTokenRevoked = "itsme_token_revoked"
	// EventKeysRotated: this replica has begun to use other keys, or an operator rotated them here.
	// Members kid, of the key that signs, and cause: in_force or requested.
	EventKeysRotated = "itsme_keys_rotated"
)

// maxEvents bounds the events that wait for handlers. One more is dropped, and counted.
const maxEvents = 1024

// announcer emits events in their order, in a goroutine of its own: Caddy runs handlers in the goroutine
// that emits an event, and a slow one must not delay a request.
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

// newAnnouncer returns an announcer that waits until Caddy has started every app: only then are all
// handlers subscribed. It starts no goroutine before.
func newAnnouncer(ctx caddy.Context) (*announcer, error) {
	module, err := ctx.App("events")
	if err != nil {
		return nil, err
	}
	events, ok := module.(*caddyevents.App)
	if !ok {
		return nil, errors.New("app events: its module is not the one that this was built with")
	}
	ended := make(chan struct{})
	a := &announcer{ctx: ctx, events: events, queue: make(chan event, maxEvents), ended: ended, end: sync.OnceFunc(func() { close(ended) })}
	return a, events.On("started", &onStarted{a})
}

// onStarted handles the event of that name. Its field is not exported, since Caddy logs handlers.
type onStarted struct{ announcer *announcer }

// Handle implements caddyevents.Handler.
func (s *onStarted) Handle(context.Context, caddy.Event) error {
	s.announcer.work.Go(s.announcer.run)
	return nil
}

// announce has an event emitted. It counts the event as dropped if too many wait, or if the configuration
// is being stopped.
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

func (a *announcer) run() {
	for {
		select {
		case e := <-a.queue:
			a.events.Emit(a.ctx, e.name, e.data)
		case <-a.ended:
			a.drain()
			return
		}
	}
}

// drain emits the events that wait.
func (a *announcer) drain() {
	for {
		select {
		case e := <-a.queue:
			a.events.Emit(a.ctx, e.name, e.data)
		default:
			return
		}
	}
}

// close emits the events that wait, until ctx is done. It drops later ones.
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

// login announces the steps of a login that are events.
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

var _ caddyevents.Handler = (*onStarted)(nil)
