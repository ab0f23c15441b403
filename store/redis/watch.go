package redis

import (
	"errors"
	"log/slog"
	"sync"
	"time"
)

// watch logs that Redis became available or unavailable, once for each change. An outage may begin with a server that
// refuses, and go on with none: each is logged.
type watch struct {
	revocations *revocations
	reached     bool      // once
	down        bool      // the last attempt failed
	unreachable bool      // logged since Redis answered
	unreadable  bool      // logged since Redis answered
	checked     time.Time // when the server's settings were looked at last
	dialed      int64     // how many connections had been made by then
	findings    findings
}

// findings are what was logged of the server's settings last.
type findings struct {
	mu   sync.Mutex
	text string
	at   time.Time
}

// checkInterval is how often the server's settings are looked at while no connection is made. An operator
// may change them while the server runs.
const checkInterval = time.Hour

// due reports whether the server's settings are to be looked at now: once an hour, and after every connection that
// was made. Another server may answer there.
func (w *watch) due() bool {
	dialed := w.revocations.dialer.count.Load()
	if dialed == w.dialed && time.Since(w.checked) < checkInterval {
		return false
	}
	w.checked, w.dialed = time.Now(), dialed
	return true
}

// logFindings logs what Check finds: when it is something else than before, and once an hour.
func (w *watch) logFindings() {
	r, f, text := w.revocations, &w.findings, ""
	err := r.Check(r.alive)
	if errors.Is(err, errEvicts) || errors.Is(err, errPolicyUnknown) {
		text = err.Error()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if text == f.text && time.Since(f.at) < checkInterval {
		return
	}
	if f.text, f.at = text, time.Now(); text != "" {
		r.config.Logger.Warn("Redis may lose what the gateway keeps: logins fail, and revoked tokens come back",
			slog.String("prefix", r.config.Prefix), slog.String("error", text))
	}
}

// note notes how an attempt ended.
func (w *watch) note(err error) {
	log, prefix := w.revocations.config.Logger, slog.String("prefix", w.revocations.config.Prefix)
	switch {
	case w.revocations.alive.Err() != nil:
	case err == nil && !w.reached:
		w.reached = true
		log.Info("Redis keeps pending sessions", prefix)
	case err == nil && w.down:
		log.Info("Redis is back", prefix)
	case err == nil, refused(err): // a refusal is logged with its cause
	case errors.Is(err, ErrUnreadable):
		if !w.unreadable {
			log.Error("everything is refused: Redis holds what this gateway cannot open", prefix, slog.String("error", err.Error()))
		}
		w.unreadable = true
	case !w.unreachable:
		log.Warn("Redis cannot be reached; what needs it is refused until it is", prefix, slog.String("error", err.Error()))
		w.unreachable = true
	}
	if w.down = err != nil; w.down {
		return
	}
	w.unreachable, w.unreadable = false, false
	if w.revocations.alive.Err() == nil && w.due() {
		w.revocations.tasks.Go(w.logFindings)
	}
}
