package login

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/together"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// sameStart is the time in which the same challenge from the same client gets the same session.
const sameStart = 30 * time.Second

// StartRequest describes the start of a login: the client, and what the client asks for.
type StartRequest struct {
	// Kind says whether the login returns to an app or to a browser.
	Kind store.Kind
	// Client is the address that starts the login.
	Client netip.Addr
	// RedirectURL is the URL to which itsme redirects the user.
	RedirectURL string
	// Challenge is an app's S256 code challenge (RFC 7636).
	Challenge string
	// Key is the thumbprint of the key that an app binds the login to. Empty leaves that to its first finish.
	Key string
	// UseProof uses up the app's proof of the key, once the start is counted. Nil without a proof.
	UseProof func() error
	// CookieHash is the SHA-256 of a browser's login cookie.
	CookieHash [sha256.Size]byte
	// ReturnTo is the path to which a browser goes after its login.
	ReturnTo string
	// Fragment is set when the browser keeps a fragment of that page's URL.
	Fragment bool
	// Language is the language of itsme and of the pages.
	Language string
	// LoA is the level of assurance that the client requests. Zero requests none.
	LoA signicat.LoA
}

// Start starts a login: a session at Signicat and a record of it. An app that repeats its start, because its
// first answer was lost, gets the same session.
func (e *Engine) Start(ctx context.Context, s StartRequest) (*store.Record, error) {
	if s.Kind == store.App {
		return e.startOnce(ctx, s)
	}
	record, err := e.startSession(ctx, s, "", e.admit(ctx, s))
	e.reportStart(ctx, s.Kind, record, err)
	return record, err
}

// admit refuses a start while there are no keys or no Signicat. Otherwise it counts the start by its client.
func (e *Engine) admit(ctx context.Context, s StartRequest) error {
	if !e.ready() {
		return ErrStarting
	}
	if err := e.signicat.refusal(); err != nil {
		return signicatError(err) // before the start counts against the client's limit
	}
	if err := e.countStart(ctx, s.Client); err != nil || s.UseProof == nil {
		return err
	}
	return s.UseProof()
}

// startSession starts a session at Signicat and stores its record, unless admit refused the start. It
// remembers the session under key. An empty key remembers nothing.
func (e *Engine) startSession(ctx context.Context, s StartRequest, key string, refused error) (_ *store.Record, err error) {
	ctx, traced := startSpan(ctx, spanBegin, s.Kind)
	defer func() { endSpan(traced, err) }()
	if refused != nil {
		return nil, refused
	}
	if err := e.countAllStarts(ctx); err != nil {
		return nil, err
	}
	session, err := e.signicat.CreateSession(ctx, e.sessionRequest(s))
	if errors.Is(err, ErrOpen) {
		return nil, signicatError(err) // the breaker logged the outage
	}
	if err != nil {
		e.logStart(ctx, s, err)
		return nil, signicatError(err)
	}
	record, err := e.newRecord(s, session)
	if err == nil {
		err = e.keep(ctx, record, key)
	}
	if err != nil {
		e.driver.cancelLater(ctx, session.ID)
		if errors.Is(err, ErrSignicat) {
			e.logStart(ctx, s, err)
		}
		return nil, err
	}
	e.logStart(ctx, s, nil)
	return record, nil
}

// keep stores a new record and remembers it under key, in one round trip. If only the latter fails, a
// repeated start is a second session, and this one continues.
func (e *Engine) keep(ctx context.Context, record *store.Record, key string) (err error) {
	if record.Mark, err = e.config.Store.Mark(ctx); err != nil {
		return storeError(err)
	}
	bounds := store.Bounds{Total: e.config.Limits.Pending, PerClient: e.config.Limits.PendingPerClient}
	together.Do(
		func() { _, err = e.config.Store.Create(ctx, record, bounds) },
		func() {
			if key != "" {
				_, _ = e.config.Store.Remember(ctx, key, record.ID, sameStart)
			}
		},
	)
	return createError(err)
}

// createError maps an error of store.Create. A state that is not new means that Signicat's answer cannot be
// trusted.
func createError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrExists):
		return fmt.Errorf("%w: its state is not new", ErrSignicat)
	case errors.Is(err, store.ErrInvalid):
		return fmt.Errorf("%w: its answer is too large", ErrSignicat)
	case errors.Is(err, store.ErrFull):
		return retryAfter(ErrRate, time.Second)
	}
	return storeError(err)
}

// startOnce starts a login for an app. Requests with one challenge that run at once share one start.
func (e *Engine) startOnce(ctx context.Context, s StartRequest) (*store.Record, error) {
	key := "challenge:" + clientKey(s.Client) + ":" + s.Challenge + ":" + s.RedirectURL
	if s.Key != "" {
		key += ":" + s.Key
	}
	shared, err, _ := e.starts.Do(key, func() (any, error) {
		// Requests that wait for the same start must not fail when the first client hangs up.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
		defer cancel()
		return e.startOrFind(ctx, key, s)
	})
	if err != nil {
		return nil, err
	}
	record := *shared.(*store.Record)
	return &record, nil
}

// startOrFind looks for the session of a repeated start and counts the start, in one round trip. So a
// repeated start counts, too.
func (e *Engine) startOrFind(ctx context.Context, key string, s StartRequest) (*store.Record, error) {
	var id string
	var err, refused error
	together.Do(
		func() { id, err = e.config.Store.Recall(ctx, key) },
		func() { refused = e.admit(ctx, s) },
	)
	if err != nil {
		err = storeError(err)
		e.reportStart(ctx, s.Kind, nil, err)
		return nil, err
	}
	if id != "" {
		record, err := e.config.Store.Load(ctx, id)
		if err == nil && record.Phase == store.Pending {
			return record, nil
		}
	}
	record, err := e.startSession(ctx, s, key, refused)
	e.reportStart(ctx, s.Kind, record, err)
	return record, err
}

// sessionRequest returns a request for the headless flow with itsme alone.
func (e *Engine) sessionRequest(s StartRequest) signicat.SessionRequest {
	return signicat.SessionRequest{
		AllowedProviders:       []string{provider},
		AdditionalParameters:   map[string]string{"itsme_redirect_url": s.RedirectURL},
		RequestedAttributes:    e.config.Attributes,
		RequestedLoA:           e.requestedLoA(s.LoA),
		Language:               s.Language,
		SessionLifetimeSeconds: int(e.config.SessionLifetime / time.Second),
	}
}

// requestedLoA returns the higher of the gateway's and the client's level.
func (e *Engine) requestedLoA(asked signicat.LoA) signicat.LoA {
	if e.config.LoA == "" || asked.AtLeast(e.config.LoA) {
		return asked
	}
	return e.config.LoA
}
