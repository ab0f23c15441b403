package caddymodule

import (
	"context"
	"errors"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/metrics"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/pending"
)

// The events that gateways emit through Caddy's app events. All have the member gateway.
const (
	// EventLoginStarted: a person can open itsme. Members session_id, kind.
	EventLoginStarted = "itsme_login_started"
	// EventLoginSucceeded: a login ended with a token. Members session_id, kind, reason,
	// duration_seconds, sub.
	EventLoginSucceeded = "itsme_login_succeeded"
	// EventLoginFailed: a login ended without one. What did not even start is no event, so that
	// nobody whose starts are refused can crowd out others. Members session_id, kind, outcome,
	// reason, duration_seconds.
	EventLoginFailed = "itsme_login_failed"
	// EventTokenRevoked: a token, a login or all of a person's was revoked through this replica.
	// Members scope (token, login or subject) and id, which is a jti, the login in it, or a sub.
	EventTokenRevoked = "itsme_token_revoked"
	// EventKeysRotated: this replica has put other keys in force, or was told to have the next one
	// sign. Members kid, of the key that signs, and cause: in_force or requested.
	EventKeysRotated = "itsme_keys_rotated"
)

// maxEvents bounds the events that wait for handlers. One more is dropped, and counted.
const maxEvents = 1024

// announcer emits events in the order in which they happened, beside the requests that they tell
// of: Caddy runs handlers where an event is emitted, and they may take their time.
type announcer struct {
	ctx    caddy.Context // of the configuration, good until after its Stop
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

// newAnnouncer makes one that waits until Caddy has started every app: only then are all handlers
// subscribed. It starts no goroutine before.
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

// tell has an event emitted, unless too many wait, or the configuration's handlers are about to go.
func (a *announcer) tell(e event) {
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

// drain emits what waits.
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

// close emits what waits, and returns when that is done or ctx is. What comes later is dropped.
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

// login tells what the steps of a login are events for.
func (a *announcer) login(gatewayName string, m *metrics.Meter, s gateway.LoginStep) {
	data := map[string]any{"gateway": gatewayName, "session_id": s.SessionID, "kind": s.Kind}
	e := event{data: data, of: m}
	switch {
	case s.Stage == gateway.LoginStarted:
		e.name = EventLoginStarted
	case s.Stage == gateway.LoginEnded && s.Outcome == pending.Issued.String():
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
	a.tell(e)
}

func (a *announcer) revocation(gatewayName string, m *metrics.Meter, v pending.Revocation) {
	a.tell(event{EventTokenRevoked, map[string]any{"gateway": gatewayName, "scope": metrics.Scope(v.Scope), "id": v.ID}, m})
}

func (a *announcer) rotation(gatewayName string, m *metrics.Meter, kid, cause string) {
	a.tell(event{EventKeysRotated, map[string]any{"gateway": gatewayName, "kid": kid, "cause": cause}, m})
}

var _ caddyevents.Handler = (*onStarted)(nil)
